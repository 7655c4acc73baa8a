/**
 * What all recall tasks share: a context of key-value pairs, then queries, then the values as labels.
 *
 * A key is an N-gram; a pair takes N + 1 tokens. After the context the sequence is divided into slots of N + 1 tokens; a
 * query takes the first N of a slot and the label stands at its last token, the position *at* which the value is
 * predicted. The value itself never follows. With one query per example the query is the end of the sequence.
 *
 *     N = 2:  (a b) 2  (b a) q  (a a) 4 | (b a) .  .  .  .  (a a) .
 *     labels   .  . .   .  . .   .  . . |  . q  .  .  .  .   . 4  .
 *
 * Unambiguous by construction: N-grams of an example are distinct, and neither values nor filler are among its key
 * tokens, so a window of N key tokens is a key or a query and nothing else.
 *
 * Source: the CAT paper, Definitions 2, 3 and 5, and Appendix A.1.
 */
import { IGNORED_LABEL, InvalidConfigError, type Rng, type Task } from '@mixerzoo/core';
import type { z } from 'zod';
import { createGenerate, type WriteExample } from './examples.js';
import { createSlotSampler, powerLawWeights } from './sampling.js';
import { createVocabulary, type formSchema } from './vocabulary.js';

/** A layout of pairs, noise and queries; see the config tables of the tasks. */
export interface RecallLayout {
  /** Name of the task, for messages and seeds. */
  readonly where: string;
  readonly form: z.output<typeof formSchema>;
  /** Tokens of blank, keys and values; noise tokens follow from here on. */
  readonly vocabSize: number;
  readonly seqLen: number;
  readonly numKvPairs: number;
  /** N, the tokens of a key. */
  readonly ngram: number;
  /** Distinct tokens the N-grams of an example are made of. */
  readonly unigramPool: number;
  /** Every key once, with the exponent of the power law of the gaps (1 is uniform); or one key at the end. */
  readonly queries: { readonly powerA: number } | 'last';
  /** What stands where nothing else does: token 0, any token but this example's keys, or a noise token. */
  readonly filler: 'blank' | 'random' | 'noise';
  /** Noise tokens put between the pairs, and the size of their vocabulary. */
  readonly noise: { readonly count: number; readonly vocabSize: number };
}

/** Everything of a recall task but its `config` and `atLength`. */
export function createKeyValueRecall(
  layout: RecallLayout,
): Pick<Task, 'vocabSize' | 'seqLen' | 'labelsPerExample' | 'chance' | 'generate' | 'solve'> {
  assertFits(layout);
  const { where, form, vocabSize, seqLen, numKvPairs, queries, noise } = layout;
  const numKeys = layout.unigramPool;
  const beginVocabulary = () => createVocabulary({ where, form, vocabSize, numKeys, numValues: numKvPairs });
  return {
    vocabSize: vocabSize + noise.vocabSize,
    seqLen,
    labelsPerExample: queries === 'last' ? 1 : numKvPairs,
    chance: 1 / beginVocabulary().numValues,
    generate: createGenerate(where, seqLen, () => createWriter(layout, beginVocabulary())),
    solve: (inputs) => solveRecall(inputs, layout),
  };
}

/** Tokens of the context: pairs and the noise between them. */
const contextLength = ({ numKvPairs, ngram, noise }: RecallLayout) => numKvPairs * (ngram + 1) + noise.count;

/** Tokens that `pairs` pairs and their queries need. */
function minimalLength(layout: RecallLayout, pairs: number): number {
  const context = contextLength({ ...layout, numKvPairs: pairs });
  return context + (layout.queries === 'last' ? layout.ngram : pairs * (layout.ngram + 1));
}

function assertFits(layout: RecallLayout): void {
  const { where, seqLen, numKvPairs, ngram, unigramPool } = layout;
  const smallest = minimalLength(layout, numKvPairs);
  if (seqLen < smallest) {
    const perPair = minimalLength(layout, 1) - minimalLength(layout, 0);
    const most = Math.floor((seqLen - minimalLength(layout, 0)) / perPair);
    const advice = most >= 1 ? `Use seqLen >= ${smallest} or numKvPairs <= ${most}.` : `Use seqLen >= ${smallest}.`;
    throw new InvalidConfigError(
      `${where}: seqLen must be at least ${smallest} for ${numKvPairs} key-value pairs and their queries, ` +
        `got ${seqLen}. ${advice}`,
    );
  }
  if (unigramPool ** ngram > Number.MAX_SAFE_INTEGER) {
    throw new InvalidConfigError(
      `${where}: unigramPool ** ngram must be below 2 ** 53, got ${unigramPool} ** ${ngram}. Take a smaller unigramPool.`,
    );
  }
  if (unigramPool ** ngram < numKvPairs) {
    throw new InvalidConfigError(
      `${where}: unigramPool must be at least ${Math.ceil(numKvPairs ** (1 / ngram) - 1e-9)} for ${numKvPairs} different ` +
        `${ngram}-grams, got ${unigramPool}. Enlarge unigramPool or take fewer pairs.`,
    );
  }
}

function createWriter(layout: RecallLayout, vocabulary: ReturnType<typeof createVocabulary>): WriteExample {
  const { vocabSize, seqLen, numKvPairs, ngram, queries, noise } = layout;
  const context = contextLength(layout);
  const numSlots = Math.floor((seqLen - context) / (ngram + 1));
  const drawSlots = queries === 'last' ? undefined : createSlotSampler(powerLawWeights(numSlots, queries.powerA));
  const slots = new Int32Array(numKvPairs);
  const grams = new Int32Array(numKvPairs * ngram);
  const drawGrams = createGramSampler(layout, grams);
  const drawNoise = (rng: Rng) => vocabSize + rng.integer(noise.vocabSize);
  const filler = { blank: undefined, random: vocabulary.filler, noise: drawNoise }[layout.filler];

  return (rng, inputs, labels) => {
    const { keys, values } = vocabulary.draw(rng);
    drawGrams(rng, keys);
    const putQuery = (pair: number, at: number) => {
      for (let i = 0; i < ngram; i++) inputs[at + i] = grams[pair * ngram + i]!;
      labels[at + ngram - 1] = values[pair]!;
    };
    if (filler) for (let t = context; t < seqLen; t++) inputs[t] = filler(rng);
    let noiseLeft = noise.count;
    for (let pair = 0, t = 0; t < context; ) {
      // Each order of pairs and noise is equally likely.
      if (noiseLeft > 0 && rng.integer(numKvPairs - pair + noiseLeft) < noiseLeft) {
        inputs[t++] = drawNoise(rng);
        noiseLeft--;
      } else {
        for (let i = 0; i < ngram; i++) inputs[t++] = grams[pair * ngram + i]!;
        inputs[t++] = values[pair++]!;
      }
    }
    if (drawSlots) {
      drawSlots(rng, slots);
      for (let pair = 0; pair < numKvPairs; pair++) putQuery(pair, context + slots[pair]! * (ngram + 1));
    } else {
      putQuery(rng.integer(numKvPairs), seqLen - ngram);
    }
  };
}

/** Fills `grams` [numKvPairs, N] with distinct N-grams over the key tokens of an example, by rejection. */
function createGramSampler({ numKvPairs, ngram, unigramPool }: RecallLayout, grams: Int32Array) {
  const taken = new Set<number>();
  return (rng: Rng, keys: Int32Array): void => {
    if (ngram === 1 && unigramPool === numKvPairs) {
      grams.set(keys); // distinct and in random order as drawn
      return;
    }
    taken.clear();
    for (let pair = 0; pair < numKvPairs; ) {
      let code = 0;
      for (let i = 0; i < ngram; i++) {
        const digit = rng.integer(unigramPool);
        grams[pair * ngram + i] = keys[digit]!;
        code = code * unigramPool + digit;
      }
      if (taken.has(code)) continue;
      taken.add(code);
      pair++;
    }
  };
}

/** The oracle: reads the pairs off the context, then answers every later window that is one of the keys. */
function solveRecall(inputs: Int32Array, { numKvPairs, ngram, vocabSize }: RecallLayout): Int32Array {
  const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
  const answers = new Map<string, number>();
  const window = (end: number) => inputs.subarray(end - ngram + 1, end + 1).join();
  let t = 0;
  while (answers.size < numKvPairs && t < inputs.length) {
    if (inputs[t]! >= vocabSize)
      t++; // noise
    else {
      answers.set(window(t + ngram - 1), inputs[t + ngram]!);
      t += ngram + 1;
    }
  }
  for (t += ngram - 1; t < inputs.length; t++) labels[t] = answers.get(window(t)) ?? IGNORED_LABEL;
  return labels;
}
