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
import { createGenerate, type WriteExample } from './examples.js';
import { createPairSampler, type PairLayout, type PairSampler } from './recall-pairs.js';
import { createSlotSampler, createTokenPool, powerLawWeights } from './sampling.js';
import { doublingBins, positionBins, singleBins, sliceAnswers } from './slices.js';

/** A layout of pairs, noise and queries; see the config tables of the tasks. */
export interface RecallLayout extends PairLayout {
  readonly seqLen: number;
  /**
   * Further pairs of the context, each of which gives another key another value: after all first ones, or anywhere after that of
   * its key. The last value counts. Default none; not in the paper form, where a value is not known by its range.
   */
  readonly updates?: { readonly count: number; readonly interleaved: boolean };
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
  const { where, vocabSize, seqLen, numKvPairs, queries, noise } = layout;
  return {
    vocabSize: vocabSize + noise.vocabSize,
    seqLen,
    labelsPerExample: queries === 'last' ? 1 : numKvPairs,
    chance: 1 / createPairSampler(layout).numValues,
    generate: createGenerate(where, seqLen, () => createWriter(layout, createPairSampler(layout))),
    solve: (inputs) => solveRecall(inputs, layout),
    slices: (examples) => sliceAnswers(examples, recallSlices(layout), (inputs) => readQueries(inputs, layout)),
  };
}

/** Pairs of the context, updates among them. */
const contextPairs = ({ numKvPairs, updates }: RecallLayout) => numKvPairs + (updates?.count ?? 0);

/** Tokens of the context: pairs and the noise between them. */
const contextLength = (layout: RecallLayout) => contextPairs(layout) * (layout.ngram + 1) + layout.noise.count;

/** Tokens that `pairs` pairs and their queries need. */
function minimalLength(layout: RecallLayout, pairs: number): number {
  const context = contextLength({ ...layout, numKvPairs: pairs });
  return context + (layout.queries === 'last' ? layout.ngram : pairs * (layout.ngram + 1));
}

function assertFits(layout: RecallLayout): void {
  const { where, seqLen, numKvPairs, updates } = layout;
  const smallest = minimalLength(layout, numKvPairs);
  if (seqLen < smallest) {
    const perPair = minimalLength(layout, 1) - minimalLength(layout, 0);
    const most = Math.floor((seqLen - minimalLength(layout, 0)) / perPair);
    const advice = most >= 1 ? `Use seqLen >= ${smallest} or numKvPairs <= ${most}.` : `Use seqLen >= ${smallest}.`;
    throw new InvalidConfigError(
      `${where}: seqLen must be at least ${smallest} for ${numKvPairs} key-value pairs${updates ? `, ${updates.count} updates` : ''} ` +
        `and their queries, got ${seqLen}. ${advice}`,
    );
  }
}

function createWriter(layout: RecallLayout, pairs: PairSampler): WriteExample {
  const { vocabSize, seqLen, numKvPairs, ngram, queries, noise } = layout;
  const context = contextLength(layout);
  const numSlots = Math.floor((seqLen - context) / (ngram + 1));
  const drawSlots = queries === 'last' ? undefined : createSlotSampler(powerLawWeights(numSlots, queries.powerA));
  const slots = new Int32Array(numKvPairs);
  const drawOrder = createOrderSampler(layout);
  const latest = new Int32Array(numKvPairs);
  const drawNoise = (rng: Rng) => vocabSize + rng.integer(noise.vocabSize);
  const filler = { blank: undefined, random: pairs.filler, noise: drawNoise }[layout.filler];
  const firstValue = vocabSize - pairs.numValues;
  const drawOtherValue = (rng: Rng, value: number) => {
    const other = firstValue + rng.integer(pairs.numValues - 1);
    return other < value ? other : other + 1;
  };

  return (rng, inputs, labels) => {
    const { grams, ends, values } = pairs.draw(rng);
    const order = drawOrder(rng);
    /** Writes the key of a pair; returns the position after it. */
    const putKey = (pair: number, at: number) => {
      for (let i = pair * ngram; i < ends[pair]!; i++) inputs[at++] = grams[i]!;
      return at;
    };
    const putQuery = (pair: number, at: number) => {
      labels[putKey(pair, at) - 1] = latest[pair]!;
    };
    let noiseLeft = noise.count;
    let introduced = 0;
    let t = 0;
    for (let mention = 0; mention < order.length || noiseLeft > 0; ) {
      // Each order of pairs and noise is equally likely.
      if (noiseLeft > 0 && rng.integer(order.length - mention + noiseLeft) < noiseLeft) {
        inputs[t++] = drawNoise(rng);
        noiseLeft--;
      } else {
        const pair = order[mention++]!;
        latest[pair] = pair === introduced ? values[introduced++]! : drawOtherValue(rng, latest[pair]!);
        t = putKey(pair, t);
        inputs[t++] = latest[pair]!;
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
 * Draws which pair each mention in the context is of; pairs are numbered in the order of their first, a later one is an update.
 * Interleaved, every order of the mentions is equally likely.
 */
function createOrderSampler(layout: RecallLayout): (rng: Rng) => Int32Array {
  const { numKvPairs, updates } = layout;
  const order = Int32Array.from({ length: contextPairs(layout) }, (_, mention) => mention);
  if (!updates) return () => order;
  const pairs = createTokenPool(0, numKvPairs);
  const mentions = createTokenPool(0, order.length);
  const numbers = new Int32Array(numKvPairs);
  return (rng) => {
    pairs.draw(rng, updates.count);
    if (!updates.interleaved) {
      order.set(pairs.tokens.subarray(0, updates.count), numKvPairs);
      return order;
    }
    mentions.draw(rng, order.length);
    numbers.fill(-1);
    let introduced = 0;
    for (const [at, mention] of mentions.tokens.entries()) {
      const pair = mention < numKvPairs ? mention : pairs.tokens[mention - numKvPairs]!;
      if (numbers[pair] === -1) numbers[pair] = introduced++;
      order[at] = numbers[pair]!;
    }
    return order;
  };
}

/** A query as it is read off an example: where it and its key end, and the key's value. */
interface Query {
  readonly at: number;
  readonly keyAt: number;
  readonly keyLength: number;
  readonly value: number;
  /** Values of the key after its first. */
  readonly updates: number;
  /** Keys of the context that end in the same token, this one included. */
  readonly alike: number;
}

/** The oracle. */
function solveRecall(inputs: Int32Array, layout: RecallLayout): Int32Array {
  const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
  for (const { at, value } of readQueries(inputs, layout)) labels[at] = value;
  return labels;
}

/** Reads the pairs off the context, the last of a key counting, then every later run of key tokens that is a key. */
function readQueries(inputs: Int32Array, layout: RecallLayout): Query[] {
  const { ngram, shortestKey = ngram, vocabSize } = layout;
  const isValue = (token: number) => token >= Math.floor(vocabSize / 2);
  const queries: Query[] = [];
  const keyTokens = new Set<number>();
  const keys = new Map<string, Omit<Query, 'at' | 'alike'>>();
  const endings = new Map<number, number>();
  let t = 0;
  for (let left = contextPairs(layout); left > 0 && t < inputs.length; ) {
    if (inputs[t]! >= vocabSize)
      t++; // noise
    else {
      const length = shortestKey === ngram ? ngram : inputs.subarray(t).findIndex(isValue);
      const key = inputs.subarray(t, t + length);
      const keyAt = t + length - 1;
      const known = keys.get(key.join());
      keys.set(key.join(), {
        keyAt,
        keyLength: length,
        value: inputs[t + length]!,
        updates: known ? known.updates + 1 : 0,
      });
      if (!known) {
        for (const token of key) keyTokens.add(token);
        endings.set(inputs[keyAt]!, (endings.get(inputs[keyAt]!) ?? 0) + 1);
      }
      t += length + 1;
      left--;
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
function recallSlices({ seqLen, numKvPairs, ngram, shortestKey = ngram, queries, updates }: RecallLayout) {
  const slice = (name: string, bins: readonly SliceBin[], of: (query: Query) => number) => ({ name, bins, of });
  return [
    slice('pairs in context', singleBins(numKvPairs, numKvPairs), () => numKvPairs),
    slice('gap between key and query (tokens)', doublingBins(seqLen), ({ at, keyAt }) => at - keyAt),
    ...(queries === 'last' ? [] : [slice('position of the query (tokens)', positionBins(seqLen), ({ at }) => at)]),
    ...(updates ? [slice('updates of the key', singleBins(0, 1), (query) => query.updates)] : []),
    ...(ngram > 1
      ? [slice('keys that end in the token of the query', doublingBins(numKvPairs), ({ alike }) => alike)]
      : []),
    ...(shortestKey < ngram
      ? [slice('length of the key (tokens)', singleBins(shortestKey, ngram), ({ keyLength }) => keyLength)]
      : []),
  ];
}
