/**
 * Cross-entropy of a tied head, loss and gradients in one sweep. Hidden states are worked on eight at a time
 * (an octet), transposed, so that the softmax over the vocabulary runs down the lanes without a horizontal step:
 *
 *   logits[o][V][8]  = table hidden_o^T                    one octet, then e = exp(logits - max), Z = sum(e)
 *   loss_i           = ln Z_i + max_i - logit_i[label]
 *   e_i[label]      -= Z_i                                 so that the gradient is e s, s_i = 1 / (Z_i n)
 *   dHidden_o^T      = table^T (e s)
 *   dTable          += e (s hidden)                        over the octets of a group
 *
 * Only the logits of a group of octets exist at a time.
 */
import { multiplyPacked, packColumns, packRows } from '@mixerzoo/core/assembly/gemm';
import { expBelow, logScalar } from '@mixerzoo/core/assembly/math';
import { madd } from '@mixerzoo/core/assembly/simd';

/** Rows of the table multiplied at a time, with all octets of a unit. */
const BLOCK_V: i32 = 64;
/** Octets that share a pass over the table while their logits stay in the cache. */
const TOGETHER: i32 = 4;
/** Entries of the vocabulary summed at a time in dHidden. */
const BLOCK_SUM: i32 = 256;

/** The first i < n with labels[i] outside [0, V), or -1. */
export function firstOutside(labels: usize, n: i32, vocabulary: i32): i32 {
  for (let i = 0; i < n; i++) {
    if (<u32>load<i32>(labels + (<usize>i << 2)) >= <u32>vocabulary) return i;
  }
  return -1;
}

/** Row panels of the table, [V / 4][d][4], for panels [start, end). */
export function packTable(table: usize, to: usize, vocabulary: i32, d: i32, start: i32, end: i32): void {
  const from = start << 2;
  packRows(to + ((<usize>from * d) << 2), table + ((<usize>from * d) << 2), d, 1, min(vocabulary, end << 2) - from, d);
}

/**
 * Row panels of the transposed table, in blocks of BLOCK_SUM entries, [V / 256][d / 4][256][4], for blocks
 * [start, end).
 */
export function packTransposed(table: usize, to: usize, vocabulary: i32, d: i32, start: i32, end: i32): void {
  const padded = <usize>((d + 3) & ~3);
  for (let block = start; block < end; block++) {
    const first = <usize>block * BLOCK_SUM;
    packRows(to + ((first * padded) << 2), table + ((first * d) << 2), 1, d, d, min(vocabulary - <i32>first, BLOCK_SUM));
  }
}

/**
 * Octets [start, end) of a group whose first is `first`: losses, hits, the scaled exponentials e (left in `logits`),
 * the packed s hidden (left in `scaled`, [d / 8][octet][8][8]) and dHidden.
 *
 * @param work - per octet of the group: packed hidden d 8 floats, then dHidden^T d 8 floats.
 * @param dHidden - 0 if no gradient is wanted.
 */
export function octets(
  hidden: usize, labels: usize, packed: usize, transposed: usize, logits: usize, work: usize, scaled: usize,
  loss: usize, correct: usize, dHidden: usize,
  n: i32, d: i32, vocabulary: i32, first: i32, count: i32, start: i32, end: i32,
): void {
  for (let octet = start; octet < end; octet += TOGETHER) {
    octetsTogether(
      hidden, labels, packed, transposed, logits, work, scaled, loss, correct, dHidden,
      n, d, vocabulary, first, count, octet, min(octet + TOGETHER, end),
    );
  }
}

function octetsTogether(
  hidden: usize, labels: usize, packed: usize, transposed: usize, logits: usize, work: usize, scaled: usize,
  loss: usize, correct: usize, dHidden: usize,
  n: i32, d: i32, vocabulary: i32, first: i32, count: i32, start: i32, end: i32,
): void {
  const hiddenBytes = <usize>d << 5;
  const octetBytes = <usize>vocabulary << 5;
  for (let octet = start; octet < end; octet++) {
    const row = (first + octet) << 3;
    packColumns(work + <usize>octet * 2 * hiddenBytes, hidden + ((<usize>row * d) << 2), 1, d, d, min(n - row, 8));
  }
  for (let v = 0; v < vocabulary; v += BLOCK_V) {
    const rows = packed + ((<usize>v * d) << 2);
    for (let octet = start; octet < end; octet++) {
      multiplyPacked(
        rows, work + <usize>octet * 2 * hiddenBytes, logits + <usize>octet * octetBytes + (<usize>v << 5), 8,
        min(vocabulary - v, BLOCK_V), d, 8, false,
      );
    }
  }
  for (let octet = start; octet < end; octet++) {
    const row = (first + octet) << 3;
    softmax(
      logits + <usize>octet * octetBytes, labels + (<usize>row << 2), loss + (<usize>row << 2), correct + (<usize>row << 2),
      min(n - row, 8), n, vocabulary, dHidden != 0,
    );
  }
  if (dHidden == 0) return;
  const padded = <usize>((d + 3) & ~3);
  for (let v = 0; v < vocabulary; v += BLOCK_SUM) {
    const rows = transposed + ((<usize>v * padded) << 2);
    for (let octet = start; octet < end; octet++) {
      multiplyPacked(
        rows, logits + <usize>octet * octetBytes + (<usize>v << 5), work + <usize>octet * 2 * hiddenBytes + hiddenBytes, 8,
        d, min(vocabulary - v, BLOCK_SUM), 8, v > 0,
      );
    }
  }
  for (let octet = start; octet < end; octet++) {
    const gradient = work + <usize>octet * 2 * hiddenBytes + hiddenBytes;
    for (let i = 0; i < 8; i++) {
      const row = ((first + octet) << 3) + i;
      const inside = row < n;
      const scale: f32 = inside ? load<f32>(loss + (<usize>(n + row) << 2)) : 0;
      const from = (<usize>row * d) << 2;
      for (let j = 0; j < d; j++) {
        const at = from + (<usize>j << 2);
        if (inside) store<f32>(dHidden + at, load<f32>(gradient + (<usize>j << 5) + (<usize>i << 2)) * scale);
        store<f32>(
          scaled + (<usize>((j >> 3) * count + octet) << 8) + (<usize>i << 5) + (<usize>(j & 7) << 2),
          inside ? load<f32>(hidden + at) * scale : 0,
        );
      }
    }
  }
}

/**
 * One octet: logits become exponentials, less Z at the label; losses, hits and scales of its rows are written (scales
 * n elements behind the losses). A row with a logit that is NaN has the loss NaN, and no hit.
 */
function softmax(
  e: usize, labels: usize, loss: usize, correct: usize, rows: i32, n: i32, vocabulary: i32, gradient: bool,
): void {
  const end = e + (<usize>vocabulary << 5);
  let max0 = f32x4.splat(-Infinity);
  let max1 = f32x4.splat(-Infinity);
  // The first block that holds the largest logit; its place within is looked for where it may be the label's.
  let block0 = i32x4.splat(0);
  let block1 = i32x4.splat(0);
  for (let v = 0; v < vocabulary; v += BLOCK_SUM) {
    let largest0 = f32x4.splat(-Infinity);
    let largest1 = f32x4.splat(-Infinity);
    for (let at = e + (<usize>v << 5), stop = min(end, at + (<usize>BLOCK_SUM << 5)); at < stop; at += 32) {
      largest0 = f32x4.pmax(largest0, v128.load(at));
      largest1 = f32x4.pmax(largest1, v128.load(at, 16));
    }
    const block = i32x4.splat(v);
    block0 = v128.bitselect(block, block0, f32x4.gt(largest0, max0));
    block1 = v128.bitselect(block, block1, f32x4.gt(largest1, max1));
    max0 = f32x4.pmax(max0, largest0);
    max1 = f32x4.pmax(max1, largest1);
  }
  for (let i = 0; i < rows; i++) {
    const label = load<i32>(labels + (<usize>i << 2));
    const column = e + (<usize>i << 2);
    const logit = load<f32>(column + (<usize>label << 5));
    const largest = lane(max0, max1, i);
    store<f32>(loss + (<usize>i << 2), largest - logit);
    let v = <i32>lane(f32x4.convert_i32x4_s(block0), f32x4.convert_i32x4_s(block1), i);
    while (v < label && load<f32>(column + (<usize>v << 5)) != largest) v++;
    store<f32>(correct + (<usize>i << 2), v == label && logit == largest ? 1 : 0);
  }
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let total0 = f32x4.splat(0);
  let total1 = f32x4.splat(0);
  for (let at = e; at < end; ) {
    // Sums of blocks, then of their sums: the error stays that of a few thousand terms for any vocabulary.
    const stop = min(end, at + (<usize>BLOCK_SUM << 5));
    for (; at < stop; at += 32) {
      const x0 = expBelow(f32x4.sub(v128.load(at), max0));
      const x1 = expBelow(f32x4.sub(v128.load(at, 16), max1));
      sum0 = f32x4.add(sum0, x0);
      sum1 = f32x4.add(sum1, x1);
      v128.store(at, x0);
      v128.store(at, x1, 16);
    }
    total0 = f32x4.add(total0, sum0);
    total1 = f32x4.add(total1, sum1);
    sum0 = f32x4.splat(0);
    sum1 = f32x4.splat(0);
  }
  for (let i = 0; i < rows; i++) {
    const z = lane(total0, total1, i);
    const at = loss + (<usize>i << 2);
    if (isNaN(z)) store<f32>(correct + (<usize>i << 2), 0);
    store<f32>(at, load<f32>(at) + logScalar(z));
    store<f32>(at + (<usize>n << 2), 1 / (z * <f32>n));
    if (gradient) {
      const own = e + (<usize>load<i32>(labels + (<usize>i << 2)) << 5) + (<usize>i << 2);
      store<f32>(own, load<f32>(own) - z);
    }
  }
}

/** Lane i of eight. */
function lane(low: v128, high: v128, i: i32): f32 {
  const four = i < 4 ? low : high;
  const at = i & 3;
  if (at == 0) return f32x4.extract_lane(four, 0);
  if (at == 1) return f32x4.extract_lane(four, 1);
  if (at == 2) return f32x4.extract_lane(four, 2);
  return f32x4.extract_lane(four, 3);
}

/**
 * dTable[v] (+)= sum over the rows of a group of e[v] s hidden, for blocks [start, end) of 64 entries of the
 * vocabulary. Tiles of 4 x 8: the exponentials of four entries lie 32 bytes apart. Up to three entries past the vocabulary
 * are read, of whatever lies there, and their sums dropped.
 */
export function tableGradient(
  e: usize, scaled: usize, dTable: usize, d: i32, vocabulary: i32, count: i32, accumulate: i32, start: i32, end: i32,
): void {
  const last = min(vocabulary, end * BLOCK_V);
  for (let v = start * BLOCK_V; v < last; v += 4) {
    const height = last - v;
    for (let j = 0; j < d; j += 8) {
      tableTile(e + (<usize>v << 5), <usize>vocabulary << 5, scaled + ((<usize>((j >> 3) * count)) << 8), count,
        dTable + ((<usize>v * d + <usize>j) << 2), d, height, d - j, accumulate != 0);
    }
  }
}

// @ts-ignore: decorator
@inline
function tableTile(
  e: usize, octetBytes: usize, scaled: usize, count: i32, c: usize, d: i32, height: i32, width: i32, accumulate: bool,
): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  for (let octet = 0; octet < count; octet++) {
    for (let a = e, stop = e + 32; a < stop; a += 4) {
      const b0 = v128.load(scaled);
      const b1 = v128.load(scaled, 16);
      const x0 = v128.load_splat<f32>(a);
      c00 = madd(x0, b0, c00);
      c01 = madd(x0, b1, c01);
      const x1 = v128.load_splat<f32>(a, 32);
      c10 = madd(x1, b0, c10);
      c11 = madd(x1, b1, c11);
      const x2 = v128.load_splat<f32>(a, 64);
      c20 = madd(x2, b0, c20);
      c21 = madd(x2, b1, c21);
      const x3 = v128.load_splat<f32>(a, 96);
      c30 = madd(x3, b0, c30);
      c31 = madd(x3, b1, c31);
      scaled += 32;
    }
    e += octetBytes;
  }
  const step = <usize>d << 2;
  addRow(c, c00, c01, width, accumulate);
  if (height > 1) addRow(c + step, c10, c11, width, accumulate);
  if (height > 2) addRow(c + 2 * step, c20, c21, width, accumulate);
  if (height > 3) addRow(c + 3 * step, c30, c31, width, accumulate);
}

/** The first `width` (up to 8) of eight sums. */
// @ts-ignore: decorator
@inline
function addRow(c: usize, low: v128, high: v128, width: i32, accumulate: bool): void {
  if (width >= 8) {
    v128.store(c, accumulate ? f32x4.add(low, v128.load(c)) : low);
    v128.store(c, accumulate ? f32x4.add(high, v128.load(c, 16)) : high, 16);
  } else {
    for (let i = 0; i < width; i++) {
      const at = c + (<usize>i << 2);
      store<f32>(at, lane(low, high, i) + (accumulate ? load<f32>(at) : 0));
    }
  }
}

/** The mean of n values, in order. */
export function mean(values: usize, n: i32, to: usize): void {
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) sum += <f64>load<f32>(values + (<usize>i << 2));
  store<f32>(to, <f32>(sum / <f64>n));
}
