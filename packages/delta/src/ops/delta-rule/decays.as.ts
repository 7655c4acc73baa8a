/**
 * Decays within a chunk, and what they do to pairs of its rows. Pairs are [2 n, n]: of keys and keys below the diagonal, then of queries and
 * keys up to it; rows, decays and gradients are [n, K] or, in both roles, [2 n, K], in whole vectors.
 */
import { exp } from '@mixerzoo/core/assembly/math';
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

/** Smaller decays are 0: such numbers would soon be denormal, and slow. */
const SMALLEST: f32 = 1e-30;

// @ts-ignore: decorator
@inline
function flushed(decay: v128): v128 {
  return v128.and(decay, f32x4.gt(decay, f32x4.splat(SMALLEST)));
}

/** decays = exp(g) of every channel; fromStart[t] the product of those up to and with t, toEnd[t] of those after t. */
export function decaysOf(
  decays: usize, fromStart: usize, toEnd: usize, g: usize, step: usize, row: usize, n: i32, headK: i32, gates: i32,
): void {
  for (let t = 0; t < n; t++) {
    const to = decays + <usize>t * row;
    const from = g + <usize>t * step;
    if (gates > 1) {
      v128.store(to + row - 16, f32x4.splat(0));
      memory.copy(to, from, <usize>headK << 2);
      for (let at: usize = 0; at < row; at += 16) v128.store(to + at, exp(v128.load(to + at)));
    } else {
      const decay = exp(v128.load_splat<f32>(from));
      for (let at: usize = 0; at < row; at += 16) v128.store(to + at, decay);
    }
  }
  for (let at: usize = 0; at < row; at += 16) {
    let product = f32x4.splat(1);
    for (let t: usize = 0; t < <usize>n; t++) {
      product = flushed(f32x4.mul(product, v128.load(decays + t * row + at)));
      v128.store(fromStart + t * row + at, product);
    }
    product = f32x4.splat(1);
    for (let t = n - 1; t >= 0; t--) {
      v128.store(toEnd + <usize>t * row + at, product);
      product = flushed(f32x4.mul(product, v128.load(decays + <usize>t * row + at)));
    }
  }
}

/** Decays pairs by one number a token, the first channel's, where there are gates; pairs that look ahead become 0. `between` holds a row. */
export function decayPairs(pairs: usize, decays: usize, row: usize, pairRow: usize, n: i32, gates: i32, between: usize): void {
  const queries = <usize>n * pairRow;
  for (let t = 0; t < n; t++) {
    const at = pairs + <usize>t * pairRow;
    store<f32>(between + (<usize>t << 2), 1);
    if (gates > 0) {
      const decay = load<f32>(decays + <usize>t * row);
      for (let i: usize = 0; i < <usize>t << 2; i += 4) {
        const product = decay * load<f32>(between + i);
        const kept: f32 = product > SMALLEST ? product : 0;
        store<f32>(between + i, kept);
        store<f32>(at + i, kept * load<f32>(at + i));
        store<f32>(at + queries + i, kept * load<f32>(at + queries + i));
      }
    }
    const own = at + (<usize>t << 2);
    store<f32>(own, 0);
    for (let i = t + 1; i < n; i++) {
      store<f32>(at + (<usize>i << 2), 0);
      store<f32>(at + queries + (<usize>i << 2), 0);
    }
  }
}

/** passed[t] = the sum of dPairs pairs over all pairs that token t decays: i < t <= r. */
export function passingPairs(passed: usize, dPairs: usize, pairs: usize, pairRow: usize, n: i32): void {
  const queries = <usize>n * pairRow;
  for (let t = 0; t < n; t++) store<f32>(passed + (<usize>t << 2), 0);
  for (let i = 0; i < n; i++) {
    let sum: f32 = 0;
    for (let r = n - 1; r > i; r--) {
      const at = <usize>r * pairRow + (<usize>i << 2);
      sum += load<f32>(dPairs + at) * load<f32>(pairs + at);
      sum += load<f32>(dPairs + queries + at) * load<f32>(pairs + queries + at);
      const to = passed + (<usize>r << 2);
      store<f32>(to, load<f32>(to) + sum);
    }
  }
}

/** pairs[r, i] = k_r . D k_i and q_r . D k_i, D a decay for every channel. `key` holds a row. */
export function pairsByChannel(pairs: usize, rows: usize, decays: usize, row: usize, pairRow: usize, n: i32, key: usize): void {
  const queries = rows + <usize>n * row;
  for (let i = 0; i < n; i++) {
    const column = pairs + (<usize>i << 2);
    memory.copy(key, rows + <usize>i * row, row);
    for (let r = 0; r < n; r++) {
      const at = column + <usize>r * pairRow;
      const atQuery = at + <usize>n * pairRow;
      if (r < i) {
        store<f32>(at, 0);
        store<f32>(atQuery, 0);
        continue;
      }
      const offset = <usize>r * row;
      if (r > i) decayKey(key, decays + offset, row);
      store<f32>(at, r > i ? dotRows(key, rows + offset, row) : 0);
      store<f32>(atQuery, dotRows(key, queries + offset, row));
    }
  }
}

/** key *= decay; elements that become too small are 0. */
// @ts-ignore: decorator
@inline
function decayKey(key: usize, decay: usize, row: usize): void {
  for (let at: usize = 0; at < row; at += 16) {
    const value = f32x4.mul(v128.load(key + at), v128.load(decay + at));
    v128.store(key + at, v128.and(value, f32x4.gt(f32x4.abs(value), f32x4.splat(SMALLEST))));
  }
}

// @ts-ignore: decorator
@inline
function dotRows(a: usize, b: usize, row: usize): f32 {
  let sums = f32x4.splat(0);
  for (let at: usize = 0; at < row; at += 16) sums = madd(v128.load(a + at), v128.load(b + at), sums);
  return sumLanes(sums);
}

/**
 * Of dPairs: adds to dRows [2 n, K] what rows get that keys are paired with, to dKeys [n, K] what those keys get, and to dGates [n, K] what
 * passes: of every channel, the sum over all pairs that a token decays, i < t <= r. `products` holds a vector for each token.
 */
export function pairsByChannelGradient(
  dRows: usize, dKeys: usize, dGates: usize, dPairs: usize, rows: usize, decays: usize, row: usize, pairRow: usize, n: i32, products: usize,
): void {
  const queries = <usize>n * row;
  for (let c: usize = 0; c < row; c += 16) {
    for (let i = 0; i < n; i++) {
      const own = <usize>i * row + c;
      const key = v128.load(rows + own);
      let pair = dPairs + <usize>(n + i) * pairRow + (<usize>i << 2);
      const weight = v128.load_splat<f32>(pair);
      v128.store(dRows + queries + own, madd(weight, key, v128.load(dRows + queries + own)));
      let dKey = madd(weight, v128.load(rows + queries + own), v128.load(dKeys + own));
      let decay = f32x4.splat(1);
      for (let r = i + 1; r < n; r++) {
        const at = <usize>r * row + c;
        decay = flushed(f32x4.mul(decay, v128.load(decays + at)));
        const decayed = f32x4.mul(decay, key);
        pair = dPairs + <usize>r * pairRow + (<usize>i << 2);
        const ofKey = v128.load_splat<f32>(pair);
        const ofQuery = v128.load_splat<f32>(pair + <usize>n * pairRow);
        v128.store(dRows + at, madd(ofKey, decayed, v128.load(dRows + at)));
        v128.store(dRows + queries + at, madd(ofQuery, decayed, v128.load(dRows + queries + at)));
        const both = madd(ofKey, v128.load(rows + at), f32x4.mul(ofQuery, v128.load(rows + queries + at)));
        dKey = madd(decay, both, dKey);
        v128.store(products + (<usize>r << 4), f32x4.mul(decayed, both));
      }
      v128.store(dKeys + own, dKey);
      let sum = f32x4.splat(0);
      for (let r = n - 1; r > i; r--) {
        const to = dGates + <usize>r * row + c;
        sum = f32x4.add(sum, v128.load(products + (<usize>r << 4)));
        v128.store(to, f32x4.add(v128.load(to), sum));
      }
    }
  }
}

/**
 * dGates[t], of every channel: what passes to reads of the state by rows from t on, from writes before t, and, `whole`, through the chunk.
 * dReads [2 n, K] and dWrites [n, K] are gradients of the decayed rows.
 */
export function passingState(
  dGates: usize, reads: usize, dReads: usize, writes: usize, dWrites: usize, whole: usize, row: usize, n: i32,
): void {
  const queries = <usize>n * row;
  for (let c: usize = 0; c < row; c += 16) {
    let sum = v128.load(whole + c);
    for (let t = n - 1; t >= 0; t--) {
      const at = <usize>t * row + c;
      sum = madd(v128.load(reads + at), v128.load(dReads + at), sum);
      sum = madd(v128.load(reads + queries + at), v128.load(dReads + queries + at), sum);
      v128.store(dGates + at, sum);
    }
    sum = f32x4.splat(0);
    for (let t = 0; t < n; t++) {
      const at = <usize>t * row + c;
      v128.store(dGates + at, f32x4.add(v128.load(dGates + at), sum));
      sum = madd(v128.load(writes + at), v128.load(dWrites + at), sum);
    }
  }
}
