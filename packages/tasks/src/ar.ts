/**
 * AR, associative recall: key-value pairs, then one key; the label is its value.
 *
 * V = 12, k = 3, L = 8 (`.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 * |--------|---|---|---|---|---|---|---|---|
 * | input  | 2 | 8 | 4 | 7 | 9 | 8 | 0 | 4 |
 * | label  | . | . | . | . | . | . | . | 7 |
 * | what   | k1| v1| k2| v2| k3| v3| - | k2|
 *
 * What the pairs and the query leave of the length is filler between them.
 *
 * Source: the CAT paper, Definition 2 and Table 1; Figure 1 (left) trains it at 128 and tests at 32 to 1,024. The paper
 * does not say how many pairs its sequences hold; by default they are full: k = floor((L - 1) / 2).
 */
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createKeyValueRecall } from './key-value-recall.js';
import { countAtLength } from './length.js';
import { pairsOf, plainFiller, recallOptions } from './recall-config.js';

/** Most pairs that leave room for the query. */
const mostPairs = (seqLen: number) => Math.max(1, Math.floor((seqLen - 1) / 2));

const arSchema = z
  .strictObject(recallOptions)
  .transform((config) => ({ ...config, numKvPairs: pairsOf(config, mostPairs(config.seqLen)) }));

/**
 * Associative recall with one query.
 * @throws InvalidConfigError if `seqLen` is below 2 `numKvPairs` + 1, or `vocabSize` too small for the pairs.
 * @example ar({ seqLen: 128 })
 */
export const ar: TaskFactory<typeof arSchema, SolvedTask> = defineTask({
  name: 'ar',
  summary: 'Associative recall: key-value pairs, then one key.',
  schema: arSchema,
  create(config) {
    const { seqLen, numKvPairs, pairsAtLength } = config;
    return {
      ...createKeyValueRecall({
        ...config,
        where: 'ar',
        ngram: 1,
        unigramPool: numKvPairs,
        queries: 'last',
        ...plainFiller(config.randomNonQueries),
      }),
      atLength: (length) => {
        const scaled = countAtLength(numKvPairs, pairsAtLength, seqLen, length);
        const fitting = pairsAtLength === 'fixed' ? scaled : Math.min(scaled, mostPairs(length));
        return ar({ ...config, seqLen: length, numKvPairs: fitting });
      },
    };
  },
});
