/**
 * Causal attention in tiles: a block of queries against a tile of keys at a time, with an online softmax, so that no
 * [M, L] tensor exists (Milakov and Gimelshein 2018; Dao et al. 2022). Keys and values of a head are packed once.
 *
 * A unit of work is a block: every `blocks`-th head of the B H. Scratch is per block. Rows of queries, keys and values
 * are `nHeads p` or `nHeads r` apart; query i is the token `offset + i`.
 */
import { multiplyPacked, multiplyPanels, packColumns, packedColumnsBytes, packedRowsBytes, packRows } from '@mixerzoo/core/assembly/gemm';
import { expScalar, logScalar, expFlushed } from '@mixerzoo/core/assembly/math';
import { sumLanes } from '@mixerzoo/core/assembly/simd';
import { aligned, dot, scaled } from '@mixerzoo/core/assembly/vector';

/** Keys of a tile; logits of a tile lie in rows of this length. */
const TILE: i32 = 128;
/** Below any logit, yet finite: its differences are numbers. */
const LOWEST: f32 = -1e30;

/** Bytes of scratch a block of `attend` needs. */
export function attendScratch(queryTile: i32, keys: i32, p: i32, r: i32): i32 {
  return <i32>(
    packedColumnsBytes(p, keys) + packedColumnsBytes(keys, r) + packedRowsBytes(queryTile, p) + aligned(queryTile * r) +
    2 * aligned(queryTile * TILE) + 2 * aligned(queryTile)
  );
}

/** o and logSumExp. */
export function attend(
  q: usize, k: usize, v: usize, slopes: usize, o: usize, logSumExp: usize, scratch: usize,
  heads: i32, nHeads: i32, queries: i32, keys: i32, p: i32, r: i32, scale: f32, window: i32,
  dropBelow: i32, dropSeed: i32, keptScale: f32, queryTile: i32, blocks: i32, start: i32, end: i32,
): void {
  const size = <usize>attendScratch(queryTile, keys, p, r);
  const width = nHeads * p;
  const valueWidth = nHeads * r;
  const offset = keys - queries;
  for (let block = start; block < end; block++) {
    const keyPanels = scratch + <usize>block * size;
    const valuePanels = keyPanels + packedColumnsBytes(p, keys);
    const queryRows = valuePanels + packedColumnsBytes(keys, r);
    const sums = queryRows + packedRowsBytes(queryTile, p);
    const logits = sums + aligned(queryTile * r);
    const weightRows = logits + aligned(queryTile * TILE);
    const largest = weightRows + aligned(queryTile * TILE);
    const total = largest + aligned(queryTile);
    for (let head = block; head < heads; head += blocks) {
      const sequence = head / nHeads;
      const h = head % nHeads;
      const slope = slopes == 0 ? <f32>0 : load<f32>(slopes + (<usize>h << 2));
      const headQ = q + (<usize>(sequence * queries * width + h * p) << 2);
      const headO = o + (<usize>(sequence * queries * valueWidth + h * r) << 2);
      packColumns(keyPanels, k + (<usize>(sequence * keys * width + h * p) << 2), 1, width, p, keys);
      packColumns(valuePanels, v + (<usize>(sequence * keys * valueWidth + h * r) << 2), valueWidth, 1, keys, r);
      for (let i = 0; i < queries; i += queryTile) {
        const rows = min(queryTile, queries - i);
        packRows(queryRows, headQ + (<usize>(i * width) << 2), width, 1, rows, p);
        scaleBuffer(queryRows, packedRowsBytes(rows, p), scale);
        for (let row = 0; row < rows; row++) {
          store<f32>(largest + (<usize>row << 2), LOWEST);
          store<f32>(total + (<usize>row << 2), 0);
        }
        const first = firstKey(offset + i, window) & ~7;
        const beyond = offset + i + rows;
        for (let j = first; j < beyond; j += TILE) {
          const count = min(TILE, beyond - j);
          multiplyPanels(queryRows, <usize>p << 4, keyPanels + <usize>j * p * 4, <usize>p << 5, logits, TILE, rows, p, count, false);
          for (let row = 0; row < rows; row++) {
            const at = logits + (<usize>(row * TILE) << 2);
            const position = offset + i + row;
            maskRow(at, position, j, count, window, slope);
            softmaxRow(at, padded(count), largest + (<usize>row << 2), total + (<usize>row << 2), sums + (<usize>(row * r) << 2), j == first ? 0 : r);
            if (dropBelow > 0) dropRow(at, at, padded(count), (head * queries + i + row) * keys + j, dropSeed, dropBelow, keptScale);
          }
          packRows(weightRows, logits, TILE, 1, rows, count);
          multiplyPanels(weightRows, <usize>count << 4, valuePanels + (<usize>j << 5), <usize>keys << 5, sums, r, rows, count, r, j > first);
        }
        for (let row = 0; row < rows; row++) {
          const sum = load<f32>(total + (<usize>row << 2));
          scaled(headO + (<usize>((i + row) * valueWidth) << 2), sums + (<usize>(row * r) << 2), r, <f32>1 / sum);
          store<f32>(logSumExp + (<usize>(head * queries + i + row) << 2), load<f32>(largest + (<usize>row << 2)) + logScalar(sum));
        }
      }
    }
  }
}

/** Bytes of scratch a block of `attendGradient` needs. */
export function attendGradientScratch(queryTile: i32, keys: i32, p: i32, r: i32): i32 {
  return <i32>(
    packedColumnsBytes(p, keys) + packedColumnsBytes(r, keys) + packedColumnsBytes(keys, p) + packedRowsBytes(queryTile, p) +
    packedRowsBytes(queryTile, r) + packedColumnsBytes(queryTile, p) + packedColumnsBytes(queryTile, r) +
    2 * aligned(queryTile * TILE) + aligned((queryTile + 4) * TILE)
  );
}

/** dQ, dK, dV; all three are written whole. */
export function attendGradient(
  q: usize, k: usize, v: usize, slopes: usize, o: usize, logSumExp: usize, dO: usize, dLogSumExp: usize,
  dQ: usize, dK: usize, dV: usize, scratch: usize,
  heads: i32, nHeads: i32, queries: i32, keys: i32, p: i32, r: i32, scale: f32, window: i32,
  dropBelow: i32, dropSeed: i32, keptScale: f32, queryTile: i32, blocks: i32, start: i32, end: i32,
): void {
  const size = <usize>attendGradientScratch(queryTile, keys, p, r);
  const width = nHeads * p;
  const valueWidth = nHeads * r;
  const offset = keys - queries;
  for (let block = start; block < end; block++) {
    const keyPanels = scratch + <usize>block * size; // k^T
    const valuePanels = keyPanels + packedColumnsBytes(p, keys); // v^T
    const keyColumns = valuePanels + packedColumnsBytes(r, keys); // k
    const queryRows = keyColumns + packedColumnsBytes(keys, p);
    const gradRows = queryRows + packedRowsBytes(queryTile, p);
    const queryColumns = gradRows + packedRowsBytes(queryTile, r);
    const gradColumns = queryColumns + packedColumnsBytes(queryTile, p);
    const weights = gradColumns + packedColumnsBytes(queryTile, r);
    const dLogits = weights + aligned(queryTile * TILE);
    const packed = dLogits + aligned(queryTile * TILE);
    for (let head = block; head < heads; head += blocks) {
      const sequence = head / nHeads;
      const h = head % nHeads;
      const slope = slopes == 0 ? <f32>0 : load<f32>(slopes + (<usize>h << 2));
      const queryAt = <usize>(sequence * queries * width + h * p) << 2;
      const keyAt = <usize>(sequence * keys * width + h * p) << 2;
      const valueAt = <usize>(sequence * keys * valueWidth + h * r) << 2;
      const outputAt = <usize>(sequence * queries * valueWidth + h * r) << 2;
      packColumns(keyPanels, k + keyAt, 1, width, p, keys);
      packColumns(valuePanels, v + valueAt, 1, valueWidth, r, keys);
      packColumns(keyColumns, k + keyAt, width, 1, keys, p);
      clear(dK + keyAt, keys, p, width);
      clear(dV + valueAt, keys, r, valueWidth);
      for (let i = 0; i < queries; i += queryTile) {
        const rows = min(queryTile, queries - i);
        const tileQ = queryAt + (<usize>(i * width) << 2);
        const tileO = outputAt + (<usize>(i * valueWidth) << 2);
        packRows(queryRows, q + tileQ, width, 1, rows, p);
        packRows(gradRows, dO + tileO, valueWidth, 1, rows, r);
        packColumns(queryColumns, q + tileQ, width, 1, rows, p);
        packColumns(gradColumns, dO + tileO, valueWidth, 1, rows, r);
        const first = firstKey(offset + i, window) & ~7;
        const beyond = offset + i + rows;
        for (let j = first; j < beyond; j += TILE) {
          const count = min(TILE, beyond - j);
          multiplyPanels(queryRows, <usize>p << 4, keyPanels + <usize>j * p * 4, <usize>p << 5, weights, TILE, rows, p, count, false);
          multiplyPanels(gradRows, <usize>r << 4, valuePanels + <usize>j * r * 4, <usize>r << 5, dLogits, TILE, rows, r, count, false);
          for (let row = 0; row < rows; row++) {
            const at = <usize>(row * TILE) << 2;
            const statistic = <usize>(head * queries + i + row) << 2;
            const line = tileO + (<usize>(row * valueWidth) << 2);
            const rowTerm = dot(dO + line, o + line, r) - load<f32>(dLogSumExp + statistic);
            scaleBuffer(weights + at, <usize>padded(count) << 2, scale);
            maskRow(weights + at, offset + i + row, j, count, window, slope);
            const element = (head * queries + i + row) * keys + j;
            if (dropBelow > 0) dropRow(dLogits + at, dLogits + at, padded(count), element, dropSeed, dropBelow, keptScale);
            gradientRow(weights + at, dLogits + at, padded(count), load<f32>(logSumExp + statistic), rowTerm, scale);
            if (dropBelow > 0) dropRow(weights + at, weights + at, padded(count), element, dropSeed, dropBelow, keptScale);
          }
          packRows(packed, dLogits, TILE, 1, rows, count);
          multiplyPanels(packed, <usize>count << 4, keyColumns + (<usize>j << 5), <usize>keys << 5, dQ + tileQ, width, rows, count, p, j > first);
          packRows(packed, dLogits, 1, TILE, count, rows);
          multiplyPacked(packed, queryColumns, dK + keyAt + (<usize>(j * width) << 2), width, count, rows, p, true);
          packRows(packed, weights, 1, TILE, count, rows);
          multiplyPacked(packed, gradColumns, dV + valueAt + (<usize>(j * valueWidth) << 2), valueWidth, count, rows, r, true);
        }
      }
    }
  }
}

/** The first key a query at a position sees. */
// @ts-ignore: decorator
@inline
function firstKey(position: i32, window: i32): i32 {
  return window > 0 ? max(0, position - window + 1) : 0;
}

/** Subtracts ALiBi's penalty; -Infinity for keys outside of the query's range and up to a whole vector. */
function maskRow(at: usize, position: i32, tile: i32, count: i32, window: i32, slope: f32): void {
  const whole = padded(count);
  if (slope != 0) {
    const slopes = f32x4.splat(slope);
    let distance = f32x4.add(f32x4.splat(<f32>(position - tile)), f32x4(0, -1, -2, -3));
    for (let c = 0; c < whole; c += 4) {
      const to = at + (<usize>c << 2);
      v128.store(to, f32x4.sub(v128.load(to), f32x4.mul(slopes, distance)));
      distance = f32x4.sub(distance, f32x4.splat(4));
    }
  }
  const from = min(firstKey(position, window) - tile, whole);
  for (let c = 0; c < from; c++) store<f32>(at + (<usize>c << 2), -Infinity);
  for (let c = max(0, min(position + 1 - tile, count)); c < whole; c++) store<f32>(at + (<usize>c << 2), -Infinity);
}

/**
 * Turns logits into weights exp(logit - largest), and brings the running largest, total and sums (`width` of them) to
 * the new largest.
 */
// @ts-ignore: decorator
@inline
function softmaxRow(at: usize, whole: i32, largest: usize, total: usize, sums: usize, width: i32): void {
  const end = at + (<usize>whole << 2);
  const before = load<f32>(largest);
  let top = f32x4.splat(before);
  for (let c = at; c < end; c += 16) top = f32x4.max(top, v128.load(c));
  const now = max(
    max(f32x4.extract_lane(top, 0), f32x4.extract_lane(top, 1)),
    max(f32x4.extract_lane(top, 2), f32x4.extract_lane(top, 3)),
  );
  const shift = f32x4.splat(now);
  let added = f32x4.splat(0);
  for (let c = at; c < end; c += 16) {
    const weight = expFlushed(f32x4.sub(v128.load(c), shift));
    added = f32x4.add(added, weight);
    v128.store(c, weight);
  }
  let sum = load<f32>(total);
  if (now != before) {
    const factor = expScalar(before - now);
    sum *= factor;
    scaled(sums, sums, width, factor);
    store<f32>(largest, now);
  }
  store<f32>(total, sum + sumLanes(added));
}

/** weights <- exp(logit - logSumExp), gradients <- scale weight (gradient - rowTerm). */
// @ts-ignore: decorator
@inline
function gradientRow(weights: usize, gradients: usize, whole: i32, logSumExp: f32, rowTerm: f32, scale: f32): void {
  const shift = f32x4.splat(logSumExp);
  const term = f32x4.splat(rowTerm);
  const factor = f32x4.splat(scale);
  for (let c: usize = 0, end = <usize>whole << 2; c < end; c += 16) {
    const weight = expFlushed(f32x4.sub(v128.load(weights + c), shift));
    v128.store(weights + c, weight);
    const difference = f32x4.sub(v128.load(gradients + c), term);
    v128.store(gradients + c, f32x4.mul(f32x4.mul(weight, factor), difference));
  }
}

/** Dropout as in `@mixerzoo/core`: elements are counted over the whole [B, H, M, L]. */
function dropRow(to: usize, from: usize, whole: i32, element: i32, seed: i32, below: i32, keptScale: f32): void {
  let counters = i32x4.add(i32x4.splat(element * 0x9e3779b9 + seed), i32x4(0, 0x9e3779b9, 2 * 0x9e3779b9, 3 * 0x9e3779b9));
  const step = i32x4.splat(4 * 0x9e3779b9);
  for (let c: usize = 0, end = <usize>whole << 2; c < end; c += 16) {
    let bits = counters;
    bits = i32x4.mul(v128.xor(bits, i32x4.shr_u(bits, 16)), i32x4.splat(0x7feb352d));
    bits = i32x4.mul(v128.xor(bits, i32x4.shr_u(bits, 15)), i32x4.splat(0x846ca68b));
    bits = i32x4.shr_u(v128.xor(bits, i32x4.shr_u(bits, 16)), 8);
    const kept = f32x4.mul(v128.load(from + c), f32x4.splat(keptScale));
    v128.store(to + c, v128.andnot(kept, i32x4.lt_s(bits, i32x4.splat(below))));
    counters = i32x4.add(counters, step);
  }
}

/** Scales a whole number of vectors in place. */
function scaleBuffer(at: usize, bytes: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  for (const end = at + bytes; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), factors));
}

/** Zeroes `rows` rows of `count` columns that lie `width` apart. */
function clear(at: usize, rows: i32, count: i32, width: i32): void {
  for (let row = 0; row < rows; row++) memory.fill(at + (<usize>(row * width) << 2), 0, <usize>count << 2);
}

// @ts-ignore: decorator
@inline
function padded(n: i32): i32 {
  return (n + 3) & ~3;
}
