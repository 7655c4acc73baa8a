/** The options that all recall tasks share, with the defaults of the CAT paper's experiments. */
import { z } from 'zod';
import { lengthRuleSchema } from './length.js';
import { formSchema, vocabSizeSchema } from './vocabulary.js';

/** For `z.strictObject({ ...recallOptions, ... })`. */
export const recallOptions = {
  vocabSize: vocabSizeSchema.default(8192).describe('V: blank, keys and values'),
  seqLen: z.int().min(2).default(64).describe('L, tokens of an example'),
  numKvPairs: z.int().min(1).optional().describe('k, key-value pairs; default: as many as fit'),
  form: formSchema.default('paper').describe('which tokens are keys and values'),
  randomNonQueries: z.boolean().default(false).describe("filler is any token but the example's keys, instead of 0"),
  pairsAtLength: lengthRuleSchema.default('proportional').describe('at another length k grows with it, or stays'),
};

/** Where the queries of a multi-query task stand. */
export const queryOptions = {
  queryPlacement: z.enum(['powerLaw', 'uniform']).default('powerLaw').describe('where queries stand'),
  powerA: z.number().positive().default(0.01).describe('a of the power law a i^(a - 1) of the gaps; 1 is uniform'),
};

/** Distinct tokens of the keys. It defaults to the number of pairs, so that a token is in N keys on average. */
export const unigramPoolOption = z
  .int()
  .min(1)
  .optional()
  .describe("distinct tokens an example's keys are made of; default numKvPairs");

/** Keys of several tokens. */
export const ngramOptions = {
  ngram: z.int().min(1).max(8).default(2).describe('N, tokens of a key'),
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
