/** The options that all recall tasks share, with the defaults of the CAT paper's experiments. */
import { z } from 'zod';
import { lengthRuleSchema } from './length.js';
import { formSchema, vocabSizeSchema } from './vocabulary.js';

/** For `z.strictObject({ ...recallOptions, ... })`. */
export const recallOptions = {
  vocabSize: vocabSizeSchema.default(8192),
  seqLen: z.int().min(2).default(64),
  numKvPairs: z.int().min(1).optional(),
  form: formSchema.default('paper'),
  randomNonQueries: z.boolean().default(false),
  pairsAtLength: lengthRuleSchema.default('proportional'),
};

/** Where the queries of a multi-query task stand. */
export const queryOptions = {
  queryPlacement: z.enum(['powerLaw', 'uniform']).default('powerLaw'),
  powerA: z.number().positive().default(0.01),
};

/** Keys of several tokens. `unigramPool` defaults to the number of pairs, so that a token is in N keys on average. */
export const ngramOptions = {
  ngram: z.int().min(1).max(8).default(2),
  unigramPool: z.int().min(1).optional(),
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
