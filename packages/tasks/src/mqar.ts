/**
 * MQAR, multi-query associative recall: k key-value pairs, then every key once more, to be answered with its value.
 *
 * V = 12, k = 2, L = 10 (zoology's form; `.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 |
 * |--------|---|---|---|---|---|---|---|---|---|---|
 * | input  | 2 | 8 | 4 | 7 | 4 | 0 | 0 | 0 | 2 | 0 |
 * | label  | . | . | . | . | 7 | . | . | . | 8 | . |
 * | what   | k1| v1| k2| v2| k2| - | - | - | k1| - |
 *
 * Queries stand at even offsets after the context. The slot of the query of k1 is drawn first, then that of k2 among
 * the slots left, ...: with probability proportional to a i^(a - 1) for slot i = 1, 2, ... (`queryPlacement: 'powerLaw'`),
 * so most gaps are short and some long, as between mentions in text. With k = L / 4 every slot holds a query and
 * the law sets their order alone: earlier keys tend to be asked earlier. `'uniform'` has no such correlation.
 *
 * Sources: [1] Arora et al. 2023, "Zoology" (arXiv 2312.04927), and its repository; [2] the CAT paper, Definition 5 and
 * Appendix A.1 (V = 8,192, printed 8,092; k = 16, 32, 64, 128 for L = 64, 128, 256, 512).
 * Deviations: with `randomNonQueries` zoology draws filler from the whole vocabulary, so that an unlabelled slot may hold a key of
 * the example; here filler is never one of its keys. In the paper's form, values may repeat within an example ("draw the
 * values from the remaining vocabulary" leaves it open). Splits are disjoint by construction (see examples.ts).
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createKeyValueRecall } from './key-value-recall.js';
import { countAtLength } from './length.js';
import { gapExponent, pairsOf, plainFiller, queryCheck, queryOptions, recallOptions } from './recall-config.js';
import { formSchema } from './vocabulary.js';

const mqarSchema = z
  .strictObject({
    ...recallOptions,
    ...queryOptions,
    form: formSchema.default('zoology').describe('which tokens are keys and values'),
  })
  .check(queryCheck)
  .transform((config) => ({ ...config, numKvPairs: pairsOf(config, config.seqLen / 4) }));

/**
 * Multi-query associative recall.
 * @throws InvalidConfigError if `seqLen` is odd or below 4 `numKvPairs`, or `vocabSize` too small for the pairs.
 * @example mqar({ vocabSize: 8192, seqLen: 64, numKvPairs: 16 })
 */
export const mqar: TaskFactory<typeof mqarSchema, SolvedTask> = defineTask({
  name: 'mqar',
  summary: 'Multi-query associative recall: after k key-value pairs every key is asked once.',
  schema: mqarSchema,
  create(config) {
    const { seqLen, numKvPairs, pairsAtLength } = config;
    if (seqLen % 2 === 1) {
      throw new InvalidConfigError(
        `mqar: seqLen must be even (pairs and query slots take two tokens), got ${seqLen}. Use ${seqLen + 1}.`,
      );
    }
    return {
      ...createKeyValueRecall({
        ...config,
        where: 'mqar',
        ngram: 1,
        unigramPool: numKvPairs,
        queries: { powerA: gapExponent(config) },
        ...plainFiller(config.randomNonQueries),
      }),
      atLength: (length) =>
        mqar({ ...config, seqLen: length, numKvPairs: countAtLength(numKvPairs, pairsAtLength, seqLen, length) }),
    };
  },
});
