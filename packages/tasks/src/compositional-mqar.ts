/**
 * Compositional MQAR: MQAR whose keys are two tokens, every one of g first tokens with every one of g second ones.
 *
 * V = 18, g = 2, k = g^2 = 4, L = 24: first tokens from [1, 6), second from [6, 12), values from [12, 18):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10| 11|
 * |--------|---|---|---|---|---|---|---|---|---|---|---|---|
 * | input  | 4 | 7 | 15| 2 | 7 | 12| 2 | 9 | 17| 4 | 9 | 13|
 * | what   | key 1 || v1| key 2 || v2| key 3 || v3| key 4 || v4|
 *
 * | t      | 12| 13| 14| 15| 16| 17| 18| 19| 20| 21| 22| 23|
 * |--------|---|---|---|---|---|---|---|---|---|---|---|---|
 * | input  | 2 | 7 | 0 | 4 | 7 | 0 | 4 | 9 | 0 | 2 | 9 | 0 |
 * | label  | . | 12| . | . | 15| . | . | 13| . | . | 17| . |
 * | what   | key 2 || - | key 1 || - | key 4 || - | key 3 || - |
 *
 * The pairs stand in random order. Who knows one token of the key is right 1/g of the time; who answers with some value of the context,
 * 1/k. Other than in MQNAR the tokens of a key come from pools of their own, and the grid is whole, so that neither of
 * them alone tells anything. Slots are 3 tokens; the gaps follow the law of MQAR.
 *
 * Source: the zoology repository (2026-01), compositional MQAR: V = 8,192, (L, k) = (64, 4), (128, 9), (256, 16 to 36), tested to
 * (2048, 256). Deviations: its filler is random unless told otherwise (`randomNonQueries`) and may then hold key tokens of the example;
 * here it never does. Its lengths are even; here any will do.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createKeyValueRecall } from './key-value-recall.js';
import { countAtLength } from './length.js';
import { gapExponent, plainFiller, queryCheck, queryOptions, recallOptions } from './recall-config.js';
import { holdsGrid } from './recall-pairs.js';

const { form: _, ...options } = recallOptions;

const compositionalMqarSchema = z
  .strictObject({
    ...options,
    ...queryOptions,
    numKvPairs: options.numKvPairs.describe('k = g^2, key-value pairs, a square; default: the largest that fits'),
  })
  .check(queryCheck)
  .transform((config) => ({ ...config, numKvPairs: config.numKvPairs ?? mostSide(config) ** 2 }));

/** g of the largest grid that length and vocabulary hold; 1 where they hold none. */
function mostSide({ seqLen, vocabSize }: { readonly seqLen: number; readonly vocabSize: number }): number {
  let side = 1;
  while (6 * (side + 1) ** 2 <= seqLen && holdsGrid(vocabSize, side + 1)) side++;
  return side;
}

/**
 * Multi-query associative recall of pairs of tokens.
 * @throws InvalidConfigError if `numKvPairs` is no square, `seqLen` is below 6 `numKvPairs`, or `vocabSize` too small.
 * @example compositionalMqar({ seqLen: 64, numKvPairs: 4 })
 */
export const compositionalMqar: TaskFactory<typeof compositionalMqarSchema, SolvedTask> = defineTask({
  name: 'compositionalMqar',
  summary: 'MQAR whose keys are pairs of tokens, neither of which tells the value.',
  schema: compositionalMqarSchema,
  create(config) {
    const { seqLen, numKvPairs, pairsAtLength } = config;
    const side = Math.floor(Math.sqrt(numKvPairs));
    if (side ** 2 !== numKvPairs) {
      throw new InvalidConfigError(
        `compositionalMqar: numKvPairs must be a square, every first token with every second one, got ${numKvPairs}. ` +
          `Use ${side ** 2} or ${(side + 1) ** 2}.`,
      );
    }
    return {
      ...createKeyValueRecall({
        ...config,
        where: 'compositionalMqar',
        form: 'grid',
        ngram: 2,
        unigramPool: side,
        queries: { powerA: gapExponent(config) },
        ...plainFiller(config.randomNonQueries),
      }),
      atLength: (length) =>
        compositionalMqar({
          ...config,
          seqLen: length,
          numKvPairs: Math.floor(Math.sqrt(countAtLength(numKvPairs, pairsAtLength, seqLen, length))) ** 2,
        }),
    };
  },
});
