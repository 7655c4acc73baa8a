/**
 * Attention of one query to a cache of keys and values, which are read once. A head's keys go in pieces that are softmaxes of their
 * own, with their largest logit and total, and are joined afterwards (Milakov and Gimelshein 2018; flash-decoding): so
 * threads share a long sequence, and what they compute does not depend on their number.
 *
 * A unit of `attendPieces` is a piece of a head of a sequence, of `joinPieces` a head of a sequence. Scratch is per piece.
 */
import { expFlushed, expScalar } from '@mixerzoo/core/assembly/math';
import { madd, maxLanes, sumLanes } from '@mixerzoo/core/assembly/simd';
import { addScaled, aligned, dot, scaled, sum } from '@mixerzoo/core/assembly/vector';

/** Keys of a piece. */
const PIECE: i32 = 256;
/** Rows that are read side by side: their sums do not wait for each other. */
const ABREAST: i32 = 4;

/** Pieces of this many keys. */
export function piecesOf(keys: i32): i32 {
  return (keys + PIECE - 1) / PIECE;
}

/** Bytes of a piece: its weighted values, the largest logit and the total of the weights, the weights. */
export function pieceScratch(r: i32): i32 {
  return <i32>(aligned(r) + aligned(4) + aligned(PIECE));
}

/** Weighted values, largest logit and total of every piece of the keys from `first` to `tokens`; `group` heads share theirs. */
export function attendPieces(
  q: usize, k: usize, v: usize, slopes: usize, sums: usize,
  nHeads: i32, group: i32, capacity: i32, valueWidth: i32, p: i32, r: i32, valueStep: i32, scale: f32, first: i32, tokens: i32,
  start: i32, end: i32,
): void {
  const pieces = piecesOf(tokens - first);
  const bytes = <usize>pieceScratch(r);
  const step = <usize>(nHeads / group * p) << 2;
  const valueRow = <usize>valueWidth << 2;
  for (let unit = start; unit < end; unit++) {
    const head = unit / pieces;
    const h = head % nHeads;
    const from = first + (unit % pieces) * PIECE;
    const count = min(PIECE, tokens - from);
    const row = <usize>(head / nHeads) * capacity + from;
    const query = q + (<usize>(head * p) << 2);
    const keys = k + row * step + (<usize>(h / group * p) << 2);
    const values = v + row * valueRow + (<usize>(h / group * valueStep) << 2);
    const result = sums + <usize>unit * bytes;
    const state = result + aligned(r);
    const weights = state + aligned(4);
    score(weights, query, keys, step, p, count, scale);
    if (slopes != 0) penalise(weights, count, load<f32>(slopes + (<usize>h << 2)), tokens - 1 - from);
    const largest = largestOf(weights, count);
    store<f32>(state, largest);
    exponentiate(weights, count, largest);
    store<f32>(state, sum(weights, count), 4);
    mix(result, weights, values, valueRow, r, count);
  }
}

/** o = sum_i e^(m_i - m) o_i / sum_i e^(m_i - m) t_i over pieces i of values o_i, largest logit m_i and total t_i; m the largest m_i. */
export function joinPieces(sums: usize, o: usize, pieces: i32, r: i32, start: i32, end: i32): void {
  const bytes = <usize>pieceScratch(r);
  for (let head = start; head < end; head++) {
    const at = sums + <usize>(head * pieces) * bytes;
    const to = o + (<usize>(head * r) << 2);
    let largest: f32 = -Infinity;
    for (let i = 0; i < pieces; i++) largest = max(largest, load<f32>(at + <usize>i * bytes + aligned(r)));
    let total: f32 = 0;
    memory.fill(to, 0, <usize>r << 2);
    for (let i = 0; i < pieces; i++) {
      const piece = at + <usize>i * bytes;
      const factor = expScalar(load<f32>(piece + aligned(r)) - largest);
      total += factor * load<f32>(piece + aligned(r), 4);
      addScaled(to, piece, r, factor);
    }
    scaled(to, to, r, <f32>1 / total);
  }
}

/** logits[j] = scale <query, keys_j> */
function score(logits: usize, query: usize, keys: usize, step: usize, p: i32, count: i32, scale: f32): void {
  let j = 0;
  for (; j + ABREAST <= count; j += ABREAST) {
    const k0 = keys + <usize>j * step;
    const k1 = k0 + step;
    const k2 = k1 + step;
    const k3 = k2 + step;
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let c: usize = 0;
    const whole = <usize>(p & ~3) << 2;
    for (; c < whole; c += 16) {
      const x = v128.load(query + c);
      s0 = madd(x, v128.load(k0 + c), s0);
      s1 = madd(x, v128.load(k1 + c), s1);
      s2 = madd(x, v128.load(k2 + c), s2);
      s3 = madd(x, v128.load(k3 + c), s3);
    }
    let dots = f32x4(sumLanes(s0), sumLanes(s1), sumLanes(s2), sumLanes(s3));
    for (; c < <usize>p << 2; c += 4) {
      const rest = f32x4(load<f32>(k0 + c), load<f32>(k1 + c), load<f32>(k2 + c), load<f32>(k3 + c));
      dots = madd(f32x4.splat(load<f32>(query + c)), rest, dots);
    }
    v128.store(logits + (<usize>j << 2), f32x4.mul(dots, f32x4.splat(scale)));
  }
  for (; j < count; j++) store<f32>(logits + (<usize>j << 2), dot(query, keys + <usize>j * step, p) * scale);
}

/** Subtracts ALiBi's penalty of keys `distance`, `distance - 1`, ... tokens back. */
function penalise(logits: usize, count: i32, slope: f32, distance: i32): void {
  for (let j = 0; j < count; j++) {
    const at = logits + (<usize>j << 2);
    store<f32>(at, load<f32>(at) - slope * <f32>(distance - j));
  }
}

function largestOf(from: usize, count: i32): f32 {
  let top = f32x4.splat(-Infinity);
  let j = 0;
  for (; j + 4 <= count; j += 4) top = f32x4.max(top, v128.load(from + (<usize>j << 2)));
  let largest = maxLanes(top);
  for (; j < count; j++) largest = max(largest, load<f32>(from + (<usize>j << 2)));
  return largest;
}

function exponentiate(at: usize, count: i32, largest: f32): void {
  const shift = f32x4.splat(largest);
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const to = at + (<usize>j << 2);
    v128.store(to, expFlushed(f32x4.sub(v128.load(to), shift)));
  }
  for (; j < count; j++) {
    const to = at + (<usize>j << 2);
    store<f32>(to, f32x4.extract_lane(expFlushed(f32x4.splat(load<f32>(to) - largest)), 0));
  }
}

/** result = sum_j weights_j values_j */
function mix(result: usize, weights: usize, values: usize, step: usize, r: i32, count: i32): void {
  memory.fill(result, 0, <usize>r << 2);
  let j = 0;
  for (; j + ABREAST <= count; j += ABREAST) {
    const at = weights + (<usize>j << 2);
    const w0 = v128.load32_splat(at);
    const w1 = v128.load32_splat(at, 4);
    const w2 = v128.load32_splat(at, 8);
    const w3 = v128.load32_splat(at, 12);
    const v0 = values + <usize>j * step;
    const v1 = v0 + step;
    const v2 = v1 + step;
    const v3 = v2 + step;
    let c: usize = 0;
    const whole = <usize>(r & ~3) << 2;
    for (; c < whole; c += 16) {
      const even = madd(w0, v128.load(v0 + c), v128.load(result + c));
      const odd = madd(w1, v128.load(v1 + c), f32x4.mul(w3, v128.load(v3 + c)));
      v128.store(result + c, f32x4.add(madd(w2, v128.load(v2 + c), even), odd));
    }
    for (; c < <usize>r << 2; c += 4) {
      const column = f32x4(load<f32>(v0 + c), load<f32>(v1 + c), load<f32>(v2 + c), load<f32>(v3 + c));
      store<f32>(result + c, load<f32>(result + c) + sumLanes(f32x4.mul(v128.load(at), column)));
    }
  }
  for (; j < count; j++) addScaled(result, values + <usize>j * step, r, load<f32>(weights + (<usize>j << 2)));
}
