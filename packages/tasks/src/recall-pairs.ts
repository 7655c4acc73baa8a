/**
 * The keys and values of recall tasks, drawn for one example after another.
 *
 * Keys are N-grams over key tokens that are drawn for the example (forms `zoology` and `paper`, see vocabulary.ts), or the cells of a
 * grid (`grid`): g first tokens from [1, V/3), g second ones from [V/3, 2V/3), all g^2 bigrams of them in random order;
 * values, distinct, from [2V/3, V), with V/3 rounded down. Of such a key neither token alone tells the value.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import type { Rng } from '@mixerzoo/core/rng';
import { createTokenPool } from './sampling.js';
import { createVocabulary, type VocabularyForm } from './vocabulary.js';

/** What decides the pairs of a task. */
export interface PairLayout {
  /** Name of the task, for messages and seeds. */
  readonly where: string;
  readonly form: VocabularyForm | 'grid';
  /** Tokens of blank, keys and values; noise tokens follow from here on. */
  readonly vocabSize: number;
  readonly numKvPairs: number;
  /** N, the tokens of a key, or of the longest where they vary. */
  readonly ngram: number;
  /** Tokens of the shortest key. Default N; below N only in the zoology form, where a value is known by its range. */
  readonly shortestKey?: number;
  /** Distinct tokens the N-grams of an example are made of; those of either kind in a grid. */
  readonly unigramPool: number;
  /** True where no key holds a token twice. Default false. */
  readonly distinctTokens?: boolean;
}

/** Draws pairs; the arrays are overwritten by the next draw. */
export interface PairSampler {
  /** The values that can be an answer, over all examples; in the forms `zoology` and `grid` the last tokens of the vocabulary. */
  readonly numValues: number;
  /** Begins an example. The key of pair i is `grams[i N ... ends[i])`. */
  draw(rng: Rng): { readonly grams: Int32Array; readonly ends: Int32Array; readonly values: Int32Array };
  /** A token that is in none of the keys of the current example. */
  filler(rng: Rng): number;
}

/** @throws InvalidConfigError where the vocabulary or the pool does not hold the pairs. */
export function createPairSampler(layout: PairLayout): PairSampler {
  if (layout.form === 'grid') return createGridSampler(layout);
  assertPool(layout);
  const { where, form, vocabSize, unigramPool, numKvPairs } = layout;
  const vocabulary = createVocabulary({ where, form, vocabSize, numKeys: unigramPool, numValues: numKvPairs });
  const { grams, ends, draw } = createGramSampler(layout);
  return {
    ...vocabulary,
    draw(rng) {
      const { keys, values } = vocabulary.draw(rng);
      draw(rng, keys);
      return { grams, ends, values };
    },
  };
}

function assertPool({ where, numKvPairs, ngram, unigramPool, distinctTokens }: PairLayout): void {
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

/**
 * Draws distinct keys over the key tokens of an example, by rejection. The length of a key is uniform between the shortest and the
 * longest among the keys that are left.
 */
function createGramSampler(layout: PairLayout) {
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

/** Whether the thirds of a vocabulary hold a grid of g by g. */
export function holdsGrid(vocabSize: number, side: number): boolean {
  const third = Math.floor(vocabSize / 3);
  return third > side && vocabSize - 2 * third >= side ** 2;
}

function createGridSampler({ where, vocabSize, numKvPairs, unigramPool: side }: PairLayout): PairSampler {
  if (!holdsGrid(vocabSize, side)) {
    throw new InvalidConfigError(
      `${where}: vocabSize must hold ${side} first and ${side} second key tokens and ${numKvPairs} values, a third of it each, ` +
        `got ${vocabSize}. Use vocabSize >= ${3 * Math.max(side + 1, numKvPairs)} or take fewer pairs.`,
    );
  }
  const third = Math.floor(vocabSize / 3);
  const [firsts, seconds] = [createTokenPool(1, third), createTokenPool(third, 2 * third)];
  const [values, cells] = [createTokenPool(2 * third, vocabSize), createTokenPool(0, numKvPairs)];
  const grams = new Int32Array(2 * numKvPairs);
  const ends = Int32Array.from({ length: numKvPairs }, (_, pair) => 2 * (pair + 1));
  const unused = [firsts.tokens.subarray(side), seconds.tokens.subarray(side), values.tokens] as const;
  return {
    numValues: values.tokens.length,
    draw(rng) {
      firsts.draw(rng, side);
      seconds.draw(rng, side);
      values.draw(rng, numKvPairs);
      cells.draw(rng, numKvPairs);
      for (let pair = 0; pair < numKvPairs; pair++) {
        const cell = cells.tokens[pair]!;
        grams[2 * pair] = firsts.tokens[Math.floor(cell / side)]!;
        grams[2 * pair + 1] = seconds.tokens[cell % side]!;
      }
      return { grams, ends, values: values.tokens };
    },
    filler(rng) {
      const [first, second, value] = unused;
      const i = rng.integer(first.length + second.length + value.length);
      if (i < first.length) return first[i]!;
      return i < first.length + second.length ? second[i - first.length]! : value[i - first.length - second.length]!;
    },
  };
}
