/**
 * Exact sampling without replacement, fast enough to be called for every example.
 *
 * 1. Partial Fisher-Yates on a pool that is kept from draw to draw: shuffling the first m places of *any* permutation
 *    makes them a uniform ordered sample, so the pool needs no reset between examples. O(m).
 * 2. Successive weighted sampling with a sum tree over integer weights: integers, so that taking a weight out of the
 *    sums leaves no rounding behind. O(log n) a draw.
 */
import type { Rng } from '@mixerzoo/core/rng';

/** The tokens low ... high - 1 in the order the last draws left them in. */
export interface TokenPool {
  readonly tokens: Int32Array;
  /** Makes `tokens[from ... from + count)` a uniform ordered sample, without repeats, of `tokens[from ...)`. */
  draw(rng: Rng, count: number, from?: number): void;
}

/** A pool of the tokens in [low, high). */
export function createTokenPool(low: number, high: number): TokenPool {
  const tokens = new Int32Array(high - low).map((_, i) => low + i);
  return {
    tokens,
    draw(rng, count, from = 0) {
      for (let i = from; i < from + count; i++) {
        const j = i + rng.integer(tokens.length - i);
        const token = tokens[j]!;
        tokens[j] = tokens[i]!;
        tokens[i] = token;
      }
    },
  };
}

/** Fills `slots` with distinct indices, each drawn with probability proportional to its weight among those left. */
export type DrawSlots = (rng: Rng, slots: Int32Array) => void;

/** Weighted sampling without replacement; weights are positive and resolved to 2^-31 of their sum. */
export function createSlotSampler(weights: readonly number[]): DrawSlots {
  const leaves = 2 ** Math.ceil(Math.log2(Math.max(2, weights.length)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const full = new Float64Array(2 * leaves); // node n sums its children 2n and 2n + 1; the root is 1
  weights.forEach((weight, slot) => {
    full[leaves + slot] = Math.max(1, Math.round((weight / sum) * 2 ** 31));
  });
  for (let node = leaves - 1; node > 0; node--) full[node] = full[2 * node]! + full[2 * node + 1]!;
  const left = new Float64Array(2 * leaves);
  return (rng, slots) => {
    left.set(full);
    for (let i = 0; i < slots.length; i++) {
      let rest = rng.integer(left[1]!);
      let node = 1;
      while (node < leaves) {
        node *= 2;
        if (rest >= left[node]!) rest -= left[node++]!;
      }
      slots[i] = node - leaves;
      const weight = left[node]!;
      for (; node > 0; node >>= 1) left[node] = left[node]! - weight;
    }
  };
}

/** Weights a i^(a - 1), i = 1 ... count: the gap between two mentions in text; a = 1 is uniform. */
export function powerLawWeights(count: number, a: number): number[] {
  return Array.from({ length: count }, (_, i) => a * (i + 1) ** (a - 1));
}
