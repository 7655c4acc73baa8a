/**
 * NAR, N-gram associative recall: key-value pairs, then one key; the label is its value.
 *
 * V = 12, N = 2, k = 2, L = 8, keys (3 5) and (5 5) (`.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 * |--------|---|---|---|---|---|---|---|---|
 * | input  | 3 | 5 | 8 | 5 | 5 | 7 | 3 | 5 |
 * | label  | . | . | . | . | . | . | . | 8 |
 * | what   | key 1 || v1| key 2 || v2| query ||
 *
 * Keys share their tokens as in MQNAR. What the pairs and the query leave of the length is filler between them.
 *
 * Source: the CAT paper, Definition 3 and Table 1. Deviation: the definition asks for a unique earlier copy of the last
 * N tokens in any sequence; here the sequence is pairs alone, as in the paper's table.
 */
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createKeyValueRecall } from './key-value-recall.js';
import { countAtLength } from './length.js';
import { poolAtLength } from './mqnar.js';
import { ngramOptions, pairsOf, plainFiller, recallOptions } from './recall-config.js';

/** Most pairs that leave room for the query. */
const mostPairs = (seqLen: number, ngram: number) => Math.max(1, Math.floor((seqLen - ngram) / (ngram + 1)));

const narSchema = z.strictObject({ ...recallOptions, ...ngramOptions }).transform((config) => {
  const numKvPairs = pairsOf(config, mostPairs(config.seqLen, config.ngram));
  return { ...config, numKvPairs, unigramPool: config.unigramPool ?? numKvPairs };
});

/**
 * N-gram associative recall with one query.
 * @throws InvalidConfigError if `seqLen` is below `numKvPairs` (`ngram` + 1) + `ngram`, `vocabSize` too small, or
 *   `unigramPool` too small for so many different N-grams.
 * @example nar({ seqLen: 64, ngram: 2 })
 */
export const nar: TaskFactory<typeof narSchema, SolvedTask> = defineTask({
  name: 'nar',
  summary: 'N-gram associative recall: key-value pairs, then one key of N tokens.',
  schema: narSchema,
  create(config) {
    const { seqLen, numKvPairs, ngram, pairsAtLength } = config;
    return {
      ...createKeyValueRecall({ ...config, where: 'nar', queries: 'last', ...plainFiller(config.randomNonQueries) }),
      atLength: (length) => {
        const scaled = countAtLength(numKvPairs, pairsAtLength, seqLen, length);
        return nar({
          ...config,
          seqLen: length,
          numKvPairs: pairsAtLength === 'fixed' ? scaled : Math.min(scaled, mostPairs(length, ngram)),
          unigramPool: poolAtLength(config, length),
        });
      },
    };
  },
});
