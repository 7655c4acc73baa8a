/**
 * Fuzzy recall: MQAR whose keys are of different lengths and share their tokens.
 *
 * V = 12, `maxKeyLength` 2, k = 2, L = 12, keys (5) and (3 5) (`.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10| 11|
 * |--------|---|---|---|---|---|---|---|---|---|---|---|---|
 * | input  | 5 | 8 | 3 | 5 | 7 | 0 | 3 | 5 | 0 | 5 | 0 | 0 |
 * | label  | . | . | . | . | . | . | . | 7 | . | 8 | . | . |
 * | what   | k1| v1| key 2 || v2| - | key 2 || - | k1| - | - |
 *
 * A key may be the end of another, so the model must find where a query begins: values and filler are never key tokens, and
 * a run of key tokens is the whole query. Keys are drawn from [1, V/2), values from [V/2, V), as in zoology. The
 * context takes at most k (`maxKeyLength` + 1) tokens; what it leaves of them is filler.
 *
 * Source: Poli et al. 2024, "Mechanistic Design and Scaling of Hybrid Architectures" (MAD, arXiv 2403.17844): fuzzy in-context recall.
 * Deviations: theirs has values of several tokens too, pairs that come again, each time scored, and in tests keys of the full
 * length alone; ours asks every key once. Its keys never hold a token twice: `distinctTokens`.
 */
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createKeyValueRecall } from './key-value-recall.js';
import { countAtLength } from './length.js';
import { poolAtLength } from './mqnar.js';
import {
  gapExponent,
  pairsOf,
  plainFiller,
  queryCheck,
  queryOptions,
  recallOptions,
  unigramPoolOption,
} from './recall-config.js';

const { form: _, ...options } = recallOptions;

const fuzzyRecallSchema = z
  .strictObject({
    ...options,
    ...queryOptions,
    maxKeyLength: z.int().min(2).max(8).default(3).describe('tokens of the longest key'),
    unigramPool: unigramPoolOption,
    distinctTokens: z.boolean().default(false).describe('no key holds a token twice, as in MAD'),
  })
  .check(queryCheck)
  .transform((config) => {
    const numKvPairs = pairsOf(
      { ...config, form: 'zoology', ngram: config.maxKeyLength },
      config.seqLen / (2 * (config.maxKeyLength + 1)),
    );
    return { ...config, numKvPairs, unigramPool: config.unigramPool ?? numKvPairs };
  });

/**
 * Recall of keys of 1 to `maxKeyLength` tokens.
 * @throws InvalidConfigError if `seqLen` is below 2 `numKvPairs` (`maxKeyLength` + 1), `vocabSize` too small, or
 *   `unigramPool` too small for so many keys of the full length.
 * @example fuzzyRecall({ seqLen: 64, maxKeyLength: 3 })
 */
export const fuzzyRecall: TaskFactory<typeof fuzzyRecallSchema, SolvedTask> = defineTask({
  name: 'fuzzyRecall',
  summary: 'MQAR with keys of different lengths that share their tokens.',
  schema: fuzzyRecallSchema,
  create(config) {
    const { seqLen, maxKeyLength: ngram, pairsAtLength: rule } = config;
    return {
      ...createKeyValueRecall({
        ...config,
        where: 'fuzzyRecall',
        form: 'zoology',
        ngram,
        shortestKey: 1,
        queries: { powerA: gapExponent(config) },
        ...plainFiller(config.randomNonQueries),
      }),
      atLength: (length) =>
        fuzzyRecall({
          ...config,
          seqLen: length,
          numKvPairs: countAtLength(config.numKvPairs, rule, seqLen, length),
          unigramPool: poolAtLength({ ...config, ngram }, length),
        }),
    };
  },
});
