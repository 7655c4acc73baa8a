/**
 * Noisy recall: MQAR with noise tokens between the pairs and between the queries.
 *
 * V = 12 and two noise tokens (12, 13), k = 2, L = 12, `noiseFraction` 1/3 (`.` is IGNORED_LABEL):
 *
 * | t      | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10| 11|
 * |--------|---|---|---|---|---|---|---|---|---|---|---|---|
 * | input  | 13| 2 | 8 | 12| 4 | 7 | 4 | 12| 13| 13| 2 | 12|
 * | label  | . | . | . | . | . | . | 7 | . | . | . | 8 | . |
 * | what   | - | k1| v1| - | k2| v2| k2| - | - | - | k1| - |
 *
 * Noise never separates a key from its value, but shifts the pairs, so that even and odd positions tell nothing.
 * Every order of pairs and noise tokens in the context is equally likely.
 *
 * Source: Poli et al. 2024, "Mechanistic Design and Scaling of Hybrid Architectures" (MAD, arXiv 2403.17844): noisy in-context
 * recall. Deviations: theirs repeats pairs at random and scores each repetition, and puts noise in chunks of two; ours keeps
 * the context and the queries of MQAR, so that the two differ in the noise alone.
 */
import { defineTask, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createKeyValueRecall } from './key-value-recall.js';
import { countAtLength } from './length.js';
import { gapExponent, pairsOf, queryCheck, queryOptions, recallOptions } from './recall-config.js';
import { formSchema } from './vocabulary.js';

const { randomNonQueries: _, ...options } = recallOptions;

const noisyRecallSchema = z
  .strictObject({
    ...options,
    ...queryOptions,
    form: formSchema.default('zoology').describe('which tokens are keys and values'),
    noiseFraction: z.number().min(0).max(0.9).default(0.2).describe('noise as a share of the context'),
    noiseVocabSize: z.int().min(1).max(8192).default(16).describe('noise tokens there are, beyond vocabSize'),
  })
  .check(queryCheck)
  .transform((config) => {
    const { noiseFraction, seqLen } = config;
    const tokensPerPair = 4 + 2 * noisePerPairToken(noiseFraction);
    return { ...config, numKvPairs: pairsOf(config, seqLen / tokensPerPair) };
  });

/** Noise tokens per token of a pair, where noise is `fraction` of the context. */
const noisePerPairToken = (fraction: number) => fraction / (1 - fraction);

/** Noise tokens in a context of `pairs` pairs, rounded down (up to rounding of the fraction itself). */
const noiseTokens = (pairs: number, fraction: number) => Math.floor(2 * pairs * noisePerPairToken(fraction) + 1e-9);

/**
 * Recall among noise. `vocabSize` counts blank, keys and values; the task's own `vocabSize` is larger by `noiseVocabSize`.
 * @throws InvalidConfigError if `seqLen` is below 4 `numKvPairs` plus the noise, or `vocabSize` too small for the pairs.
 * @example noisyRecall({ vocabSize: 128, seqLen: 64, noiseFraction: 0.2 })
 */
export const noisyRecall: TaskFactory<typeof noisyRecallSchema, SolvedTask> = defineTask({
  name: 'noisyRecall',
  summary: 'MQAR with noise tokens between the pairs.',
  schema: noisyRecallSchema,
  create(config) {
    const { seqLen, numKvPairs, noiseFraction, noiseVocabSize, pairsAtLength } = config;
    return {
      ...createKeyValueRecall({
        ...config,
        where: 'noisyRecall',
        ngram: 1,
        unigramPool: numKvPairs,
        queries: { powerA: gapExponent(config) },
        filler: 'noise',
        noise: { count: noiseTokens(numKvPairs, noiseFraction), vocabSize: noiseVocabSize },
      }),
      atLength: (length) =>
        noisyRecall({
          ...config,
          seqLen: length,
          numKvPairs: countAtLength(numKvPairs, pairsAtLength, seqLen, length),
        }),
    };
  },
});
