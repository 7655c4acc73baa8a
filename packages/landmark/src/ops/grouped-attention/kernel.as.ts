/**
 * Grouped-softmax attention: each query over the tokens of its own block and the landmarks of blocks before it, all of them or
 * those that were chosen, a landmark's share being spread over its block by the softmax of the tokens' scores.
 *
 * A unit of work is a row of [G, L, p]; its gradients are summed in the order of the queries. Scratch is per row, for one query:
 * the weights of the tokens that it sees, block after block and the own block last, the shares of the blocks, and as many slopes.
 */
import { expScalar } from '@mixerzoo/core/assembly/math';
import { addScaled, aligned, dot, scaled, sum } from '@mixerzoo/core/assembly/vector';

/** Bytes of scratch a row needs, for a query that sees so many tokens and earlier blocks at most. */
export function groupedAttentionScratch(mostTokens: i32, mostBlocks: i32): i32 {
  return <i32>(2 * (aligned(mostTokens) + aligned(mostBlocks)));
}

/** o. Without a choice (address 0) `count` is of no account. */
export function attendGroups(
  q: usize, k: usize, v: usize, landmarks: usize, chosen: usize, o: usize, scratch: usize,
  mostTokens: i32, mostBlocks: i32, seqLen: i32, p: i32, blockSize: i32, nLandmarks: i32, count: i32, scale: f32,
  start: i32, end: i32,
): void {
  const bytes = <usize>p << 2;
  for (let row = start; row < end; row++) {
    const weights = scratch + <usize>row * <usize>groupedAttentionScratch(mostTokens, mostBlocks);
    const shares = weights + aligned(mostTokens);
    const base = <usize>(row * seqLen) * bytes;
    const marks = landmarks + <usize>(row * nLandmarks) * bytes;
    for (let t = 0; t < seqLen; t++) {
      const own = t / blockSize;
      const choice = choiceOf(chosen, row * seqLen + t, count);
      const seen = seenBlocks(choice, count, own);
      weigh(weights, shares, q + base + <usize>t * bytes, k + base, marks, choice, seen, t, p, blockSize, scale);
      const to = o + base + <usize>t * bytes;
      memory.fill(to, 0, bytes);
      for (let c = 0; c < seen; c++) {
        const block = v + base + <usize>(blockAt(choice, c) * blockSize) * bytes;
        for (let i = 0; i < blockSize; i++) {
          addScaled(to, block + <usize>i * bytes, p, at(weights, c * blockSize + i) * at(shares, c));
        }
      }
      const local = v + base + <usize>(own * blockSize) * bytes;
      for (let i = 0; i <= t % blockSize; i++) addScaled(to, local + <usize>i * bytes, p, at(weights, seen * blockSize + i));
    }
  }
}

/** dQ, dK, dV, dLandmarks; all are written whole. */
export function attendGroupsGradient(
  q: usize, k: usize, v: usize, landmarks: usize, chosen: usize, dO: usize, dQ: usize, dK: usize, dV: usize, dLandmarks: usize,
  scratch: usize, mostTokens: i32, mostBlocks: i32, seqLen: i32, p: i32, blockSize: i32, nLandmarks: i32, count: i32, scale: f32,
  start: i32, end: i32,
): void {
  const bytes = <usize>p << 2;
  for (let row = start; row < end; row++) {
    const weights = scratch + <usize>row * <usize>groupedAttentionScratch(mostTokens, mostBlocks);
    const shares = weights + aligned(mostTokens);
    const slopes = shares + aligned(mostBlocks);
    const shareSlopes = slopes + aligned(mostTokens);
    const base = <usize>(row * seqLen) * bytes;
    const marks = <usize>(row * nLandmarks) * bytes;
    memory.fill(dQ + base, 0, <usize>seqLen * bytes);
    memory.fill(dK + base, 0, <usize>seqLen * bytes);
    memory.fill(dV + base, 0, <usize>seqLen * bytes);
    if (nLandmarks > 0) memory.fill(dLandmarks + marks, 0, <usize>nLandmarks * bytes);
    for (let t = 0; t < seqLen; t++) {
      const own = t / blockSize;
      const choice = choiceOf(chosen, row * seqLen + t, count);
      const seen = seenBlocks(choice, count, own);
      const query = base + <usize>t * bytes;
      const local = base + <usize>(own * blockSize) * bytes;
      const localCount = t % blockSize + 1;
      const first = seen * blockSize;
      weigh(weights, shares, q + query, k + base, landmarks + marks, choice, seen, t, p, blockSize, scale);
      // slopes: <dO, v>, the slope of each token's weight; shareSlopes: that of each block's share.
      let rowTerm: f32 = 0;
      for (let c = 0; c < seen; c++) {
        const block = v + base + <usize>(blockAt(choice, c) * blockSize) * bytes;
        let slope: f32 = 0;
        for (let i = 0; i < blockSize; i++) {
          const w = c * blockSize + i;
          put(slopes, w, dot(dO + query, block + <usize>i * bytes, p));
          slope += at(weights, w) * at(slopes, w);
        }
        put(shareSlopes, c, slope);
        rowTerm += at(shares, c) * slope;
      }
      for (let i = 0; i < localCount; i++) {
        put(slopes, first + i, dot(dO + query, v + local + <usize>i * bytes, p));
        rowTerm += at(weights, first + i) * at(slopes, first + i);
      }

      for (let c = 0; c < seen; c++) {
        const m = blockAt(choice, c);
        const mark = marks + <usize>m * bytes;
        const block = base + <usize>(m * blockSize) * bytes;
        const share = at(shares, c);
        const mean = at(shareSlopes, c);
        const slope = share * (mean - rowTerm) * scale;
        addScaled(dQ + query, landmarks + mark, p, slope);
        addScaled(dLandmarks + mark, q + query, p, slope);
        for (let i = 0; i < blockSize; i++) {
          const w = c * blockSize + i;
          const weight = share * at(weights, w);
          passOn(block + <usize>i * bytes, query, q, k, dO, dQ, dK, dV, p, weight, weight * (at(slopes, w) - mean) * scale);
        }
      }
      for (let i = 0; i < localCount; i++) {
        const weight = at(weights, first + i);
        passOn(local + <usize>i * bytes, query, q, k, dO, dQ, dK, dV, p, weight, weight * (at(slopes, first + i) - rowTerm) * scale);
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

/** Where a query's choice of `count` blocks stands; 0 where none was made, and it sees every block before its own. */
// @ts-ignore: decorator
@inline
function choiceOf(chosen: usize, query: i32, count: i32): usize {
  return chosen == 0 ? 0 : chosen + (<usize>(query * count) << 2);
}

/** Earlier blocks that a query sees: what is left of a choice is -1. */
function seenBlocks(choice: usize, count: i32, own: i32): i32 {
  if (choice == 0) return own;
  let seen = 0;
  while (seen < count && blockAt(choice, seen) >= 0) seen++;
  return seen;
}

// @ts-ignore: decorator
@inline
function blockAt(choice: usize, c: i32): i32 {
  return choice == 0 ? c : load<i32>(choice + (<usize>c << 2));
}

/** Weights within the blocks that are seen (each block sums to 1), shares of those blocks, weights of the own block's tokens. */
function weigh(
  weights: usize, shares: usize, query: usize, keys: usize, landmarks: usize, choice: usize,
  seen: i32, t: i32, p: i32, blockSize: i32, scale: f32,
): void {
  const bytes = <usize>p << 2;
  for (let c = 0; c < seen; c++) {
    const m = blockAt(choice, c);
    const block = weights + (<usize>(c * blockSize) << 2);
    const from = keys + <usize>(m * blockSize) * bytes;
    for (let i = 0; i < blockSize; i++) put(block, i, dot(query, from + <usize>i * bytes, p) * scale);
    exponentiate(block, blockSize, largestOf(block, blockSize));
    scaled(block, block, blockSize, <f32>1 / sum(block, blockSize));
    put(shares, c, dot(query, landmarks + <usize>m * bytes, p) * scale);
  }
  const count = t % blockSize + 1;
  const local = weights + (<usize>(seen * blockSize) << 2);
  const from = keys + <usize>(t + 1 - count) * bytes;
  for (let i = 0; i < count; i++) put(local, i, dot(query, from + <usize>i * bytes, p) * scale);
  const largest = max(largestOf(local, count), largestOf(shares, seen));
  exponentiate(local, count, largest);
  exponentiate(shares, seen, largest);
  const total = <f32>1 / (sum(local, count) + sum(shares, seen));
  scaled(local, local, count, total);
  scaled(shares, shares, seen, total);
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
