/**
 * MQNAR, multi-query N-gram associative recall: MQAR whose keys are N tokens long and share their tokens.
 *
 * V = 12, N = 2, k = 2, L = 12, `unigramPool` 2, keys (3 5) and (5 5) (`.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10| 11|
 * |--------|---|---|---|---|---|---|---|---|---|---|---|---|
 * | input  | 3 | 5 | 8 | 5 | 5 | 7 | 5 | 5 | 0 | 3 | 5 | 0 |
 * | label  | . | . | . | . | . | . | . | 7 | . | . | 8 | . |
 * | what   | key 1 || v1| key 2 || v2| key 2 || - | key 1 || - |
 *
 * The N-grams of an example are drawn, without repeats, over `unigramPool` distinct tokens that are drawn for that
 * example. The last token of a query is then the last token of several keys (`unigramPool` = k: of two, on average), and
 * a model that looks at one token has to guess among them. With N = 1 it is MQAR.
 * Slots are N + 1 tokens; the gaps follow the same law as in MQAR.
 *
 * Source: the CAT paper, Definition 5, Table 1 and Appendix A.1 (N = 2; k = 10, 20, 40 for L = 64, 128, 256).
 * Deviations: the paper does not say how its N-grams share tokens; the pool is ours. `numKvPairs` defaults to what the
 * length holds, floor(L / (2 (N + 1))), which is the paper's 10 at L = 64, but 21 and 42 at 128 and 256.
 */
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createKeyValueRecall } from './key-value-recall.js';
import { countAtLength } from './length.js';
import {
  gapExponent,
  ngramOptions,
  pairsOf,
  plainFiller,
  queryCheck,
  queryOptions,
  recallOptions,
} from './recall-config.js';

const mqnarSchema = z
  .strictObject({ ...recallOptions, ...ngramOptions, ...queryOptions })
  .check(queryCheck)
  .transform((config) => {
    const numKvPairs = pairsOf(config, config.seqLen / (2 * (config.ngram + 1)));
    return { ...config, numKvPairs, unigramPool: config.unigramPool ?? numKvPairs };
  });

/**
 * Multi-query N-gram associative recall.
 * @throws InvalidConfigError if `seqLen` is below 2 `numKvPairs` (`ngram` + 1), `vocabSize` too small, or `unigramPool`
 *   too small for so many different N-grams.
 * @example mqnar({ seqLen: 64, ngram: 2, numKvPairs: 10 })
 */
export const mqnar: TaskFactory<typeof mqnarSchema, SolvedTask> = defineTask({
  name: 'mqnar',
  summary: 'Multi-query N-gram recall: keys are N tokens long and share their tokens.',
  schema: mqnarSchema,
  create(config) {
    const { seqLen, pairsAtLength: rule } = config;
    return {
      ...createKeyValueRecall({
        ...config,
        where: 'mqnar',
        queries: { powerA: gapExponent(config) },
        ...plainFiller(config.randomNonQueries),
      }),
      atLength: (length) =>
        mqnar({
          ...config,
          seqLen: length,
          numKvPairs: countAtLength(config.numKvPairs, rule, seqLen, length),
          unigramPool: poolAtLength(config, length),
        }),
    };
  },
});

/** The pool grows with the pairs, and is never too small for them. */
export function poolAtLength(
  config: {
    seqLen: number;
    numKvPairs: number;
    ngram: number;
    unigramPool: number;
    pairsAtLength: 'proportional' | 'fixed';
  },
  length: number,
): number {
  const { seqLen, numKvPairs, ngram, unigramPool, pairsAtLength: rule } = config;
  const pairs = countAtLength(numKvPairs, rule, seqLen, length);
  const smallest = Math.ceil(pairs ** (1 / ngram) - 1e-9);
  return Math.max(smallest, countAtLength(unigramPool, rule, seqLen, length));
}
