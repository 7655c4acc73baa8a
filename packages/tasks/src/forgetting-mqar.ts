/**
 * Forgetting MQAR: MQAR in which some keys get another value before they are asked; the last one counts.
 *
 * V = 12, k = 2, u = 1 update, L = 12 (`.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10| 11|
 * |--------|---|---|---|---|---|---|---|---|---|---|---|---|
 * | input  | 2 | 8 | 4 | 7 | 2 | 11| 4 | 0 | 0 | 0 | 2 | 0 |
 * | label  | . | . | . | . | . | . | 7 | . | . | . | 11| . |
 * | what   | k1| v1| k2| v2| k1| new v1 | k2| - | - | - | k1| - |
 *
 * u different keys are updated once each, with a value drawn evenly from all but their old one: after all first pairs, or with
 * `interleaved` anywhere after their own. Who always answers with the first value is right (k - u)/k of the time; who remembers
 * both values but not their order, (k - u/2)/k. The slice of updates tells the keys that got another value from those that kept theirs.
 * Queries as in MQAR, in the order of the first pairs.
 *
 * Source: the zoology repository (2026-01), forgetting MQAR: V = 8,192, u = 4, (L, k) = (64, 4), (128, 9), (256, 16 to 36), tested to
 * (2048, 256). Deviations: zoology compares the new value with the old one of another key, so that an update may change
 * nothing; its u stays 4 at every length (`pairsAtLength: 'fixed'` keeps u, and k too); its filler is random unless told
 * otherwise (`randomNonQueries`). `interleaved` is ours.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createKeyValueRecall } from './key-value-recall.js';
import { countAtLength } from './length.js';
import { gapExponent, pairsOf, plainFiller, queryCheck, queryOptions, recallOptions } from './recall-config.js';

const { form: _, ...options } = recallOptions;

/** Updates unless told otherwise, where there are as many keys. */
const USUAL_UPDATES = 4;

const forgettingMqarSchema = z
  .strictObject({
    ...options,
    ...queryOptions,
    numUpdates: z.int().min(0).optional().describe('u, keys that get another value; default 4, or all k where fewer'),
    interleaved: z.boolean().default(false).describe('updates stand anywhere after the first pair of their key'),
  })
  .check(queryCheck)
  .transform((config) => {
    const { seqLen, numUpdates = USUAL_UPDATES } = config;
    const numKvPairs = pairsOf({ ...config, form: 'zoology' }, (seqLen - 2 * numUpdates) / 4);
    return { ...config, numKvPairs, numUpdates: config.numUpdates ?? Math.min(USUAL_UPDATES, numKvPairs) };
  });

/**
 * Multi-query associative recall of values that change.
 * @throws InvalidConfigError if `seqLen` is odd or below 4 `numKvPairs` + 2 `numUpdates`, `vocabSize` too small for the pairs, or
 *   there are more updates than keys.
 * @example forgettingMqar({ seqLen: 64, numKvPairs: 4, numUpdates: 4 })
 */
export const forgettingMqar: TaskFactory<typeof forgettingMqarSchema, SolvedTask> = defineTask({
  name: 'forgettingMqar',
  summary: 'MQAR in which some keys get another value: the last one counts.',
  schema: forgettingMqarSchema,
  create(config) {
    const { seqLen, numKvPairs, numUpdates, interleaved, pairsAtLength } = config;
    if (seqLen % 2 === 1) {
      throw new InvalidConfigError(
        `forgettingMqar: seqLen must be even (pairs and query slots take two tokens), got ${seqLen}. Use ${seqLen + 1}.`,
      );
    }
    if (numUpdates > numKvPairs) {
      throw new InvalidConfigError(
        `forgettingMqar: numUpdates must be at most the ${numKvPairs} keys, each of which changes once, got ${numUpdates}. ` +
          'Take fewer updates or more pairs.',
      );
    }
    return {
      ...createKeyValueRecall({
        ...config,
        where: 'forgettingMqar',
        form: 'zoology',
        ngram: 1,
        unigramPool: numKvPairs,
        updates: { count: numUpdates, interleaved },
        queries: { powerA: gapExponent(config) },
        ...plainFiller(config.randomNonQueries),
      }),
      atLength: (length) =>
        forgettingMqar({
          ...config,
          seqLen: length,
          numKvPairs: countAtLength(numKvPairs, pairsAtLength, seqLen, length),
          numUpdates: pairsAtLength === 'fixed' ? numUpdates : Math.floor((numUpdates * length) / seqLen),
        }),
    };
  },
});
