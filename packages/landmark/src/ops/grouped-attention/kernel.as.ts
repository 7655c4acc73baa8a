/**
 * Grouped-softmax attention: each query over the tokens of its own block and the landmarks of the blocks before it, a
 * landmark's share being spread over its block by the softmax of the tokens' scores.
 *
 * A unit of work is a row of [G, L, p]; its gradients are summed in the order of the queries. Scratch is per row: the
 * weights of all L tokens and M landmarks of one query, and as many slopes.
 */
import { expScalar } from '@mixerzoo/core/assembly/math';
import { addScaled, aligned, dot, scaled, sum } from '@mixerzoo/core/assembly/vector';

/** Bytes of scratch a row needs. */
export function groupedAttentionScratch(seqLen: i32, nLandmarks: i32): i32 {
  return <i32>(2 * (aligned(seqLen) + aligned(nLandmarks)));
}

/** o */
export function attendGroups(
  q: usize, k: usize, v: usize, landmarks: usize, o: usize, scratch: usize,
  seqLen: i32, p: i32, blockSize: i32, nLandmarks: i32, scale: f32, start: i32, end: i32,
): void {
  const bytes = <usize>p << 2;
  for (let row = start; row < end; row++) {
    const weights = scratch + <usize>row * <usize>groupedAttentionScratch(seqLen, nLandmarks);
    const shares = weights + aligned(seqLen);
    const base = <usize>(row * seqLen) * bytes;
    const marks = landmarks + <usize>(row * nLandmarks) * bytes;
    for (let t = 0; t < seqLen; t++) {
      const own = t / blockSize;
      weigh(weights, shares, q + base + <usize>t * bytes, k + base, marks, t, own, p, blockSize, scale);
      const to = o + base + <usize>t * bytes;
      memory.fill(to, 0, bytes);
      for (let s = 0; s < own * blockSize; s++) {
        addScaled(to, v + base + <usize>s * bytes, p, at(weights, s) * at(shares, s / blockSize));
      }
      for (let s = own * blockSize; s <= t; s++) addScaled(to, v + base + <usize>s * bytes, p, at(weights, s));
    }
  }
}

/** dQ, dK, dV, dLandmarks; all are written whole. */
export function attendGroupsGradient(
  q: usize, k: usize, v: usize, landmarks: usize, dO: usize, dQ: usize, dK: usize, dV: usize, dLandmarks: usize,
  scratch: usize, seqLen: i32, p: i32, blockSize: i32, nLandmarks: i32, scale: f32, start: i32, end: i32,
): void {
  const bytes = <usize>p << 2;
  for (let row = start; row < end; row++) {
    const weights = scratch + <usize>row * <usize>groupedAttentionScratch(seqLen, nLandmarks);
    const shares = weights + aligned(seqLen);
    const slopes = shares + aligned(nLandmarks);
    const shareSlopes = slopes + aligned(seqLen);
    const base = <usize>(row * seqLen) * bytes;
    const marks = <usize>(row * nLandmarks) * bytes;
    memory.fill(dQ + base, 0, <usize>seqLen * bytes);
    memory.fill(dK + base, 0, <usize>seqLen * bytes);
    memory.fill(dV + base, 0, <usize>seqLen * bytes);
    if (nLandmarks > 0) memory.fill(dLandmarks + marks, 0, <usize>nLandmarks * bytes);
    for (let t = 0; t < seqLen; t++) {
      const own = t / blockSize;
      const first = own * blockSize;
      const query = base + <usize>t * bytes;
      weigh(weights, shares, q + query, k + base, landmarks + marks, t, own, p, blockSize, scale);
      // slopes: first <dO, v>, the slope of each token's weight; then of each token's logit.
      let rowTerm: f32 = 0;
      for (let s = 0; s <= t; s++) put(slopes, s, dot(dO + query, v + base + <usize>s * bytes, p));
      for (let m = 0; m < own; m++) {
        let slope: f32 = 0;
        for (let s = m * blockSize; s < (m + 1) * blockSize; s++) slope += at(weights, s) * at(slopes, s);
        put(shareSlopes, m, slope);
        rowTerm += at(shares, m) * slope;
      }
      for (let s = first; s <= t; s++) rowTerm += at(weights, s) * at(slopes, s);

      for (let m = 0; m < own; m++) {
        const share = at(shares, m);
        const mean = at(shareSlopes, m);
        const slope = share * (mean - rowTerm) * scale;
        addScaled(dQ + query, landmarks + marks + <usize>m * bytes, p, slope);
        addScaled(dLandmarks + marks + <usize>m * bytes, q + query, p, slope);
        for (let s = m * blockSize; s < (m + 1) * blockSize; s++) {
          const weight = share * at(weights, s);
          passOn(base + <usize>s * bytes, query, q, k, dO, dQ, dK, dV, p, weight, weight * (at(slopes, s) - mean) * scale);
        }
      }
      for (let s = first; s <= t; s++) {
        const weight = at(weights, s);
        passOn(base + <usize>s * bytes, query, q, k, dO, dQ, dK, dV, p, weight, weight * (at(slopes, s) - rowTerm) * scale);
      }
    }
  }
}

/** A token's part of the gradients: of its value by its weight, of query and key by the slope of its logit. */
// @ts-ignore: decorator
@inline
function passOn(
  token: usize, query: usize, q: usize, k: usize, dO: usize, dQ: usize, dK: usize, dV: usize, p: i32, weight: f32, slope: f32,
): void {
  addScaled(dV + token, dO + query, p, weight);
  addScaled(dQ + query, k + token, p, slope);
  addScaled(dK + token, q + query, p, slope);
}

/** Weights of the own block's tokens, shares of the earlier blocks, and weights within those (each block sums to 1). */
function weigh(
  weights: usize, shares: usize, query: usize, keys: usize, landmarks: usize,
  t: i32, own: i32, p: i32, blockSize: i32, scale: f32,
): void {
  const bytes = <usize>p << 2;
  const first = own * blockSize;
  const count = t - first + 1;
  for (let s = 0; s <= t; s++) put(weights, s, dot(query, keys + <usize>s * bytes, p) * scale);
  for (let m = 0; m < own; m++) put(shares, m, dot(query, landmarks + <usize>m * bytes, p) * scale);
  for (let m = 0; m < own; m++) {
    const block = weights + (<usize>(m * blockSize) << 2);
    exponentiate(block, blockSize, largestOf(block, blockSize));
    scaled(block, block, blockSize, <f32>1 / sum(block, blockSize));
  }
  const local = weights + (<usize>first << 2);
  const largest = max(largestOf(local, count), largestOf(shares, own));
  exponentiate(local, count, largest);
  exponentiate(shares, own, largest);
  const total = <f32>1 / (sum(local, count) + sum(shares, own));
  scaled(local, local, count, total);
  scaled(shares, shares, own, total);
}

function largestOf(from: usize, count: i32): f32 {
  let largest: f32 = -Infinity;
  for (let i = 0; i < count; i++) largest = max(largest, at(from, i));
  return largest;
}

function exponentiate(from: usize, count: i32, largest: f32): void {
  for (let i = 0; i < count; i++) put(from, i, expScalar(at(from, i) - largest));
}

// @ts-ignore: decorator
@inline
function at(from: usize, i: i32): f32 {
  return load<f32>(from + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
function put(to: usize, i: i32, value: f32): void {
  store<f32>(to + (<usize>i << 2), value);
}
