/**
 * Attention of each query to its own block, causally, and to the units retrieved for it: O(p (B + K U)) a query.
 *
 * A unit of work is a row of [G, L, p]: queries of a row share its keys, and its gradients are summed in the order of the
 * queries. Scratch is per row: the logits of one query, `blockSize + K unit` of them, and as many more for gradients.
 */
import { expScalar } from '@mixerzoo/core/assembly/math';
import { addScaled, aligned, dot, scaled } from '@mixerzoo/core/assembly/vector';

/** Bytes of scratch a row needs. */
export function blockAttentionScratch(most: i32): i32 {
  return <i32>(3 * aligned(most));
}

/** o */
export function attendBlocks(
  q: usize, k: usize, v: usize, retrieved: usize, o: usize, scratch: usize,
  seqLen: i32, p: i32, blockSize: i32, unit: i32, count: i32, scale: f32, start: i32, end: i32,
): void {
  const most = blockSize + count * unit;
  const bytes = <usize>p << 2;
  for (let row = start; row < end; row++) {
    const weights = scratch + <usize>row * (3 * aligned(most));
    const tokens = weights + 2 * aligned(most);
    const base = <usize>(row * seqLen) * bytes;
    for (let t = 0; t < seqLen; t++) {
      const choice = retrieved + (<usize>((row * seqLen + t) * count) << 2);
      const seen = visible(tokens, t, blockSize, unit, choice, count, seqLen);
      softmax(weights, tokens, seen, q + base + <usize>t * bytes, k + base, p, scale);
      const to = o + base + <usize>t * bytes;
      memory.fill(to, 0, bytes);
      for (let i = 0; i < seen; i++) addScaled(to, v + base + token(tokens, i) * bytes, p, weight(weights, i));
    }
  }
}

/** dQ, dK, dV; all three are written whole. */
export function attendBlocksGradient(
  q: usize, k: usize, v: usize, retrieved: usize, dO: usize, dQ: usize, dK: usize, dV: usize, scratch: usize,
  seqLen: i32, p: i32, blockSize: i32, unit: i32, count: i32, scale: f32, start: i32, end: i32,
): void {
  const most = blockSize + count * unit;
  const bytes = <usize>p << 2;
  for (let row = start; row < end; row++) {
    const weights = scratch + <usize>row * (3 * aligned(most));
    const dWeights = weights + aligned(most);
    const tokens = dWeights + aligned(most);
    const base = <usize>(row * seqLen) * bytes;
    memory.fill(dQ + base, 0, <usize>seqLen * bytes);
    memory.fill(dK + base, 0, <usize>seqLen * bytes);
    memory.fill(dV + base, 0, <usize>seqLen * bytes);
    for (let t = 0; t < seqLen; t++) {
      const choice = retrieved + (<usize>((row * seqLen + t) * count) << 2);
      const seen = visible(tokens, t, blockSize, unit, choice, count, seqLen);
      const query = base + <usize>t * bytes;
      softmax(weights, tokens, seen, q + query, k + base, p, scale);
      // dS = P o (dP - rowsum(P o dP)), the row's own term of the softmax.
      let rowTerm: f32 = 0;
      for (let i = 0; i < seen; i++) {
        const dWeight = dot(dO + query, v + base + token(tokens, i) * bytes, p);
        store<f32>(dWeights + (<usize>i << 2), dWeight);
        rowTerm += weight(weights, i) * dWeight;
      }
      for (let i = 0; i < seen; i++) {
        const at = base + token(tokens, i) * bytes;
        const share = weight(weights, i);
        const slope = share * (load<f32>(dWeights + (<usize>i << 2)) - rowTerm) * scale;
        addScaled(dV + at, dO + query, p, share);
        addScaled(dQ + query, k + at, p, slope);
        addScaled(dK + at, q + query, p, slope);
      }
    }
  }
}

/** Lists the tokens that query t sees; returns how many. */
function visible(tokens: usize, t: i32, blockSize: i32, unit: i32, choice: usize, count: i32, seqLen: i32): i32 {
  let seen = 0;
  for (let s = t - (t % blockSize); s <= t; s++, seen++) store<i32>(tokens + (<usize>seen << 2), s);
  for (let c = 0; c < count; c++) {
    const index = load<i32>(choice + (<usize>c << 2));
    if (index < 0) continue;
    const beyond = min(seqLen, (index + 1) * unit);
    for (let s = index * unit; s < beyond; s++, seen++) store<i32>(tokens + (<usize>seen << 2), s);
  }
  return seen;
}

/** Softmax of a query's logits with the listed keys. */
function softmax(weights: usize, tokens: usize, seen: i32, query: usize, keys: usize, p: i32, scale: f32): void {
  let largest: f32 = -Infinity;
  for (let i = 0; i < seen; i++) {
    const logit = dot(query, keys + token(tokens, i) * (<usize>p << 2), p) * scale;
    store<f32>(weights + (<usize>i << 2), logit);
    largest = max(largest, logit);
  }
  let total: f32 = 0;
  for (let i = 0; i < seen; i++) {
    const share = expScalar(weight(weights, i) - largest);
    store<f32>(weights + (<usize>i << 2), share);
    total += share;
  }
  scaled(weights, weights, seen, <f32>1 / total);
}

// @ts-ignore: decorator
@inline
function token(tokens: usize, i: i32): usize {
  return <usize>load<i32>(tokens + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
function weight(weights: usize, i: i32): f32 {
  return load<f32>(weights + (<usize>i << 2));
}
