/** The options that all recall tasks share, with the defaults of the CAT paper's experiments. */
import { refuseIdle } from '@mixerzoo/core/config';
import * as z from 'zod';
import { lengthRuleSchema } from './length.js';
import { formSchema, mostKeys, mostValues, type VocabularyForm, vocabSizeSchema } from './vocabulary.js';

/** For `z.strictObject({ ...recallOptions, ... })`. */
export const recallOptions = {
  vocabSize: vocabSizeSchema.default(8192).describe('V: blank, keys and values'),
  seqLen: z.int().min(2).default(64).describe('L, tokens of an example'),
  numKvPairs: z.int().min(1).optional().describe('k, key-value pairs; default: as many as fit'),
  form: formSchema.default('paper').describe('which tokens are keys and values'),
  randomNonQueries: z.boolean().default(false).describe("filler is any token but the example's keys, instead of 0"),
  pairsAtLength: lengthRuleSchema.default('proportional').describe('at another length k grows with it, or stays'),
};

/**
 * k: as given, or the most that fit the length (`fitting`) and the vocabulary. A pool of key tokens that is given bounds k by
 * its N-grams, and the vocabulary by its values alone; one that is not grows with k, and takes a token of the vocabulary a pair.
 */
export function pairsOf(
  config: {
    readonly numKvPairs?: number | undefined;
    readonly unigramPool?: number | undefined;
    readonly ngram?: number;
    readonly form: VocabularyForm;
    readonly vocabSize: number;
  },
  fitting: number,
): number {
  const { numKvPairs, unigramPool, ngram = 1, form, vocabSize } = config;
  const most =
    unigramPool === undefined ? mostKeys(form, vocabSize) : Math.min(unigramPool ** ngram, mostValues(form, vocabSize));
  return numKvPairs ?? Math.max(1, Math.min(Math.floor(fitting), most));
}

/** Where the queries of a multi-query task stand. */
export const queryOptions = {
  queryPlacement: z.enum(['powerLaw', 'uniform']).default('powerLaw').describe('where queries stand'),
  powerA: z.number().positive().default(0.01).describe('a of the power law a i^(a - 1) of the gaps; 1 is uniform'),
};

/** A check for schemas that spread {@link queryOptions}. */
export const queryCheck = refuseIdle<{ queryPlacement: string }, keyof typeof queryOptions>(queryOptions, {
  powerA: [({ queryPlacement }) => queryPlacement === 'powerLaw', "queryPlacement 'powerLaw'"],
});

/** Distinct tokens of the keys. It defaults to the number of pairs, so that a token is in N keys on average. */
export const unigramPoolOption = z
  .int()
  .min(1)
  .optional()
  .describe("distinct tokens an example's keys are made of; default numKvPairs");

/** Keys of several tokens. */
export const ngramOptions = {
  ngram: z.int().min(1).max(8).default(2).describe('N, tokens of a key'),
  /** Distinct tokens an example's keys are made of; default numKvPairs. */
  unigramPool: unigramPoolOption,
};

/** The exponent of the power law of the gaps; 1 is the uniform distribution. */
export function gapExponent(config: { queryPlacement: 'powerLaw' | 'uniform'; powerA: number }): number {
  return config.queryPlacement === 'uniform' ? 1 : config.powerA;
}

/** The filler and the noise of a task whose filler is not noise. */
export function plainFiller(randomNonQueries: boolean) {
  return {
    filler: randomNonQueries ? ('random' as const) : ('blank' as const),
    noise: { count: 0, vocabSize: 0 },
  };
}
