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
 * Unambiguous by construction: the keys of an example are distinct, and neither values nor filler are among its key
 * tokens, so a run of key tokens is a key or a query and nothing else.
 *
 * Source: the CAT paper, Definitions 2, 3 and 5, and Appendix A.1.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import type { Rng } from '@mixerzoo/core/rng';
import { IGNORED_LABEL, type SliceBin, type SolvedTask } from '@mixerzoo/core/task';
import type { z } from 'zod';
import { createGenerate, type WriteExample } from './examples.js';
import { createSlotSampler, powerLawWeights } from './sampling.js';
import { doublingBins, positionBins, singleBins, sliceAnswers } from './slices.js';
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
  /** N, the tokens of a key, or of the longest where they vary. */
  readonly ngram: number;
  /** Tokens of the shortest key. Default N; below N only in the zoology form, where a value is known by its range. */
  readonly shortestKey?: number;
  /** Distinct tokens the N-grams of an example are made of. */
  readonly unigramPool: number;
  /** True where no key holds a token twice. Default false. */
  readonly distinctTokens?: boolean;
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
): Pick<SolvedTask, 'vocabSize' | 'seqLen' | 'labelsPerExample' | 'chance' | 'generate' | 'solve' | 'slices'> {
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
    slices: (examples) => sliceAnswers(examples, recallSlices(layout), (inputs) => readQueries(inputs, layout)),
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
  const { where, seqLen, numKvPairs, ngram, unigramPool, distinctTokens } = layout;
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
  if ((unigramPool + 1) ** ngram > Number.MAX_SAFE_INTEGER) {
    throw new InvalidConfigError(
      `${where}: (unigramPool + 1) ** ngram must be below 2 ** 53, got ${unigramPool + 1} ** ${ngram}. Take a smaller unigramPool.`,
    );
  }
  if (distinctTokens && arrangements(unigramPool, ngram) < numKvPairs) {
    throw new InvalidConfigError(
      `${where}: unigramPool must hold ${numKvPairs} keys of ${ngram} different tokens, got ${unigramPool} tokens, which make ` +
        `${arrangements(unigramPool, ngram)}. Enlarge unigramPool or take fewer pairs.`,
    );
  }
  if (unigramPool ** ngram < numKvPairs) {
    throw new InvalidConfigError(
      `${where}: unigramPool must be at least ${Math.ceil(numKvPairs ** (1 / ngram) - 1e-9)} for ${numKvPairs} different ` +
        `${ngram}-grams, got ${unigramPool}. Enlarge unigramPool or take fewer pairs.`,
    );
  }
}

/** Ordered choices of `length` out of `tokens`. */
function arrangements(tokens: number, length: number): number {
  return Array.from({ length }, (_, taken) => Math.max(0, tokens - taken)).reduce((product, left) => product * left, 1);
}

function createWriter(layout: RecallLayout, vocabulary: ReturnType<typeof createVocabulary>): WriteExample {
  const { vocabSize, seqLen, numKvPairs, ngram, queries, noise } = layout;
  const context = contextLength(layout);
  const numSlots = Math.floor((seqLen - context) / (ngram + 1));
  const drawSlots = queries === 'last' ? undefined : createSlotSampler(powerLawWeights(numSlots, queries.powerA));
  const slots = new Int32Array(numKvPairs);
  const { grams, ends, draw: drawGrams } = createGramSampler(layout);
  const drawNoise = (rng: Rng) => vocabSize + rng.integer(noise.vocabSize);
  const filler = { blank: undefined, random: vocabulary.filler, noise: drawNoise }[layout.filler];

  return (rng, inputs, labels) => {
    const { keys, values } = vocabulary.draw(rng);
    drawGrams(rng, keys);
    /** Writes the key of a pair; returns the position after it. */
    const putKey = (pair: number, at: number) => {
      for (let i = pair * ngram; i < ends[pair]!; i++) inputs[at++] = grams[i]!;
      return at;
    };
    const putQuery = (pair: number, at: number) => {
      labels[putKey(pair, at) - 1] = values[pair]!;
    };
    let noiseLeft = noise.count;
    let t = 0;
    for (let pair = 0; pair < numKvPairs || noiseLeft > 0; ) {
      // Each order of pairs and noise is equally likely.
      if (noiseLeft > 0 && rng.integer(numKvPairs - pair + noiseLeft) < noiseLeft) {
        inputs[t++] = drawNoise(rng);
        noiseLeft--;
      } else {
        t = putKey(pair, t);
        inputs[t++] = values[pair++]!;
      }
    }
    if (filler) for (; t < seqLen; t++) inputs[t] = filler(rng);
    if (drawSlots) {
      drawSlots(rng, slots);
      for (let pair = 0; pair < numKvPairs; pair++) putQuery(pair, context + slots[pair]! * (ngram + 1));
    } else {
      putQuery(rng.integer(numKvPairs), seqLen - ngram);
    }
  };
}

/**
 * Draws distinct keys over the key tokens of an example, by rejection. The key of pair i is `grams[i N ... ends[i])`; its
 * length is uniform between the shortest and the longest among the keys that are left.
 */
function createGramSampler(layout: RecallLayout) {
  const { numKvPairs, ngram, shortestKey = ngram, unigramPool, distinctTokens = false } = layout;
  const grams = new Int32Array(numKvPairs * ngram);
  const ends = Int32Array.from({ length: numKvPairs }, (_, pair) => (pair + 1) * ngram);
  const taken = new Set<number>();
  const draw = (rng: Rng, keys: Int32Array): void => {
    if (ngram === 1 && unigramPool === numKvPairs) {
      grams.set(keys); // distinct and in random order as drawn
      return;
    }
    taken.clear();
    for (let pair = 0; pair < numKvPairs; ) {
      const length = shortestKey === ngram ? ngram : shortestKey + rng.integer(ngram - shortestKey + 1);
      let repeats = false;
      let code = 0; // digits 1 ... unigramPool, so that keys of different lengths differ
      for (let i = 0; i < length; i++) {
        const digit = rng.integer(unigramPool);
        grams[pair * ngram + i] = keys[digit]!;
        repeats ||= grams.indexOf(keys[digit]!, pair * ngram) < pair * ngram + i;
        code = code * (unigramPool + 1) + digit + 1;
      }
      if (taken.has(code) || (distinctTokens && repeats)) continue;
      taken.add(code);
      ends[pair] = pair * ngram + length;
      pair++;
    }
  };
  return { grams, ends, draw };
}

/** A query as it is read off an example: where it and its key end, and the key's value. */
interface Query {
  readonly at: number;
  readonly keyAt: number;
  readonly keyLength: number;
  readonly value: number;
  /** Keys of the context that end in the same token, this one included. */
  readonly alike: number;
}

/** The oracle. */
function solveRecall(inputs: Int32Array, layout: RecallLayout): Int32Array {
  const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
  for (const { at, value } of readQueries(inputs, layout)) labels[at] = value;
  return labels;
}

/** Reads the pairs off the context, then every later run of key tokens that is a key. */
function readQueries(inputs: Int32Array, layout: RecallLayout): Query[] {
  const { numKvPairs, ngram, shortestKey = ngram, vocabSize } = layout;
  const isValue = (token: number) => token >= Math.floor(vocabSize / 2);
  const queries: Query[] = [];
  const keyTokens = new Set<number>();
  const keys = new Map<string, Omit<Query, 'at' | 'alike'>>();
  const endings = new Map<number, number>();
  let t = 0;
  while (keys.size < numKvPairs && t < inputs.length) {
    if (inputs[t]! >= vocabSize)
      t++; // noise
    else {
      const length = shortestKey === ngram ? ngram : inputs.subarray(t).findIndex(isValue);
      const key = inputs.subarray(t, t + length);
      for (const token of key) keyTokens.add(token);
      const keyAt = t + length - 1;
      keys.set(key.join(), { keyAt, keyLength: length, value: inputs[t + length]! });
      endings.set(inputs[keyAt]!, (endings.get(inputs[keyAt]!) ?? 0) + 1);
      t += length + 1;
    }
  }
  for (let start = t; t < inputs.length; start = ++t) {
    while (keyTokens.has(inputs[t]!)) t++;
    const key = t > start && keys.get(inputs.subarray(start, t).join());
    if (key) queries.push({ ...key, at: t - 1, alike: endings.get(inputs[t - 1]!)! });
  }
  return queries;
}

/** What the answers of a recall task are told apart by. */
function recallSlices({ seqLen, numKvPairs, ngram, shortestKey = ngram, queries }: RecallLayout) {
  const slice = (name: string, bins: readonly SliceBin[], of: (query: Query) => number) => ({ name, bins, of });
  return [
    slice('pairs in context', singleBins(numKvPairs, numKvPairs), () => numKvPairs),
    slice('gap between key and query (tokens)', doublingBins(seqLen), ({ at, keyAt }) => at - keyAt),
    ...(queries === 'last' ? [] : [slice('position of the query (tokens)', positionBins(seqLen), ({ at }) => at)]),
    ...(ngram > 1
      ? [slice('keys that end in the token of the query', doublingBins(numKvPairs), ({ alike }) => alike)]
      : []),
    ...(shortestKey < ngram
      ? [slice('length of the key (tokens)', singleBins(shortestKey, ngram), ({ keyLength }) => keyLength)]
      : []),
  ];
}
