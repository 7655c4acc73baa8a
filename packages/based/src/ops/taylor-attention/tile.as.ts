/**
 * Taylor attention of a tile of queries and a tile of keys, shared by the quadratic and the chunkwise kernels.
 *
 * Tiles have up to TILE tokens; on the diagonal both start at the same token. Pointers are to the first token of the
 * tile in the columns of one head; `keyStep` and `valueStep` count the elements from token to token of q, k and v, o.
 */
import {
  multiplyPacked, packColumns, packedColumnsBytes, packedRowsBytes, packRows,
} from '@mixerzoo/core/assembly/gemm';
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

export const TILE: i32 = 64;

/** Bytes of scratch that `pairForward` needs. */
export function pairForwardScratch(featureDim: i32, headDim: i32): usize {
  return packedColumnsBytes(TILE, headDim) + packedColumnsBytes(featureDim, TILE) + 2 * packedRowsBytes(TILE, TILE);
}

/**
 * o = (or +=) A v and sums += row sums of A. `queries`: the row panels of q. Leaves the column panels of v at the
 * start of its scratch.
 */
export function pairForward(
  queries: usize, k: usize, v: usize, o: usize, sums: usize, keyStep: i32, valueStep: i32,
  m: i32, n: i32, featureDim: i32, headDim: i32, scale: f32, diagonal: bool, accumulate: bool, scratch: usize,
): void {
  const keys = scratch + packedColumnsBytes(TILE, headDim);
  const scores = keys + packedColumnsBytes(featureDim, TILE);
  const weights = scores + packedRowsBytes(TILE, TILE);
  packColumns(keys, k, 1, keyStep, featureDim, n);
  multiplyPacked(queries, keys, scores, TILE, m, featureDim, n, false);
  weigh(scores, m, n, scale, diagonal, sums);
  packRows(weights, scores, TILE, 1, m, n);
  packColumns(scratch, v, valueStep, 1, n, headDim);
  multiplyPacked(weights, scratch, o, valueStep, m, n, headDim, accumulate);
}

/** Turns q . k into A = 1 + s + s^2 / 2, s = scale q . k; zero above the diagonal; adds the sums of the rows. */
function weigh(scores: usize, m: i32, n: i32, scale: f32, diagonal: bool, sums: usize): void {
  const one = f32x4.splat(1);
  const linear = f32x4.splat(scale);
  const square = f32x4.splat(0.5 * scale * scale);
  for (let i = 0; i < m; i++) {
    const row = scores + (<usize>(i * TILE) << 2);
    const count = diagonal ? i + 1 : n;
    let total = f32x4.splat(0);
    let j = 0;
    for (; j + 4 <= count; j += 4) {
      const at = row + (<usize>j << 2);
      const x = v128.load(at);
      const weight = madd(x, madd(x, square, linear), one);
      v128.store(at, weight);
      total = f32x4.add(total, weight);
    }
    let sum = sumLanes(total);
    for (; j < count; j++) {
      const at = row + (<usize>j << 2);
      const s = scale * load<f32>(at);
      const weight: f32 = 1 + s + 0.5 * s * s;
      store<f32>(at, weight);
      sum += weight;
    }
    for (; j < n; j++) store<f32>(row + (<usize>j << 2), 0);
    const at = sums + (<usize>i << 2);
    store<f32>(at, load<f32>(at) + sum);
  }
}

/** z = sums + eps, o = o / z; `normaliser` is [B, L, H] at this tile and head. */
export function normalise(
  o: usize, sums: usize, normaliser: usize, eps: f32, m: i32, heads: i32, headDim: i32, valueStep: i32,
): void {
  for (let i = 0; i < m; i++) {
    const z = load<f32>(sums + (<usize>i << 2)) + eps;
    store<f32>(normaliser + (<usize>(i * heads) << 2), z);
    const inverse: f32 = 1 / z;
    const row = o + (<usize>(i * valueStep) << 2);
    let c = 0;
    for (; c + 4 <= headDim; c += 4) {
      const at = row + (<usize>c << 2);
      v128.store(at, f32x4.mul(v128.load(at), f32x4.splat(inverse)));
    }
    for (; c < headDim; c++) {
      const at = row + (<usize>c << 2);
      store<f32>(at, load<f32>(at) * inverse);
    }
  }
}

/**
 * For every query of a tile `inverse` = 1 / z and `shift` = dZ - dO . o / z, so that the gradient of A[t, s] is
 * inverse dO . v + shift.
 */
export function rowTerms(
  o: usize, normaliser: usize, dO: usize, dNormaliser: usize, inverse: usize, shift: usize,
  m: i32, heads: i32, headDim: i32, valueStep: i32,
): void {
  for (let i = 0; i < m; i++) {
    const row = <usize>(i * valueStep) << 2;
    let total = f32x4.splat(0);
    let c = 0;
    for (; c + 4 <= headDim; c += 4) {
      total = madd(v128.load(o + row + (<usize>c << 2)), v128.load(dO + row + (<usize>c << 2)), total);
    }
    let product = sumLanes(total);
    for (; c < headDim; c++) product += load<f32>(o + row + (<usize>c << 2)) * load<f32>(dO + row + (<usize>c << 2));
    const at = <usize>(i * heads) << 2;
    const factor: f32 = 1 / load<f32>(normaliser + at);
    store<f32>(inverse + (<usize>i << 2), factor);
    store<f32>(shift + (<usize>i << 2), load<f32>(dNormaliser + at) - factor * product);
  }
}

/** Bytes of the packed queries and output gradients of a tile, and of its row terms. */
export function queryTileBytes(featureDim: i32, headDim: i32): usize {
  return (
    packedRowsBytes(TILE, featureDim) + packedColumnsBytes(TILE, featureDim) +
    packedRowsBytes(TILE, headDim) + packedColumnsBytes(TILE, headDim) + 2 * (TILE << 2)
  );
}

/** Packs q and dO of a tile, by rows and by columns; the row terms come after them. */
export function packQueryTile(to: usize, q: usize, dO: usize, keyStep: i32, valueStep: i32, m: i32, featureDim: i32, headDim: i32): void {
  packRows(queryRows(to), q, keyStep, 1, m, featureDim);
  packColumns(queryColumns(to, featureDim), q, keyStep, 1, m, featureDim);
  packRows(gradientRows(to, featureDim), dO, valueStep, 1, m, headDim);
  packColumns(gradientColumns(to, featureDim, headDim), dO, valueStep, 1, m, headDim);
}

// @ts-ignore: decorator
@inline
export function queryRows(tile: usize): usize {
  return tile;
}

// @ts-ignore: decorator
@inline
export function queryColumns(tile: usize, featureDim: i32): usize {
  return tile + packedRowsBytes(TILE, featureDim);
}

// @ts-ignore: decorator
@inline
export function gradientRows(tile: usize, featureDim: i32): usize {
  return queryColumns(tile, featureDim) + packedColumnsBytes(TILE, featureDim);
}

// @ts-ignore: decorator
@inline
export function gradientColumns(tile: usize, featureDim: i32, headDim: i32): usize {
  return gradientRows(tile, featureDim) + packedRowsBytes(TILE, headDim);
}

// @ts-ignore: decorator
@inline
export function inverseTerms(tile: usize, featureDim: i32, headDim: i32): usize {
  return gradientColumns(tile, featureDim, headDim) + packedColumnsBytes(TILE, headDim);
}

// @ts-ignore: decorator
@inline
export function shiftTerms(tile: usize, featureDim: i32, headDim: i32): usize {
  return inverseTerms(tile, featureDim, headDim) + (TILE << 2);
}

/** Bytes of scratch that `pairBackward` needs. */
export function pairBackwardScratch(featureDim: i32, headDim: i32): usize {
  return max(packedColumnsBytes(featureDim, TILE), packedColumnsBytes(TILE, featureDim)) +
    packedColumnsBytes(headDim, TILE) + 3 * packedRowsBytes(TILE, TILE);
}

/**
 * Gradients through one pair of tiles: dQ (+)= dS k, dK (+)= dS^T q, dV (+)= (A / z)^T dO, with
 * dS = scale (inverse dO . v + shift) (1 + s). `tile`: as `packQueryTile` left it, with the row terms.
 */
export function pairBackward(
  tile: usize, k: usize, v: usize, dQ: usize, dK: usize, dV: usize, keyStep: i32, valueStep: i32,
  m: i32, n: i32, featureDim: i32, headDim: i32, scale: f32, diagonal: bool, accumulateQ: bool, scratch: usize,
): void {
  const values = scratch + max(packedColumnsBytes(featureDim, TILE), packedColumnsBytes(TILE, featureDim));
  const scores = values + packedColumnsBytes(headDim, TILE);
  const slopes = scores + packedRowsBytes(TILE, TILE);
  const rows = slopes + packedRowsBytes(TILE, TILE);
  packColumns(scratch, k, 1, keyStep, featureDim, n);
  multiplyPacked(queryRows(tile), scratch, scores, TILE, m, featureDim, n, false);
  packColumns(values, v, 1, valueStep, headDim, n);
  multiplyPacked(gradientRows(tile, featureDim), values, slopes, TILE, m, headDim, n, false);
  weighBackward(
    scores, slopes, m, n, scale, diagonal,
    inverseTerms(tile, featureDim, headDim), shiftTerms(tile, featureDim, headDim),
  );
  packRows(rows, scores, 1, TILE, n, m);
  multiplyPacked(rows, gradientColumns(tile, featureDim, headDim), dV, valueStep, n, m, headDim, !diagonal);
  packRows(rows, slopes, 1, TILE, n, m);
  multiplyPacked(rows, queryColumns(tile, featureDim), dK, keyStep, n, m, featureDim, !diagonal);
  packRows(rows, slopes, TILE, 1, m, n);
  packColumns(scratch, k, keyStep, 1, n, featureDim);
  multiplyPacked(rows, scratch, dQ, keyStep, m, n, featureDim, accumulateQ);
}

/** Turns q . k into A / z, and dO . v into dS; both zero above the diagonal. */
function weighBackward(
  scores: usize, slopes: usize, m: i32, n: i32, scale: f32, diagonal: bool, inverse: usize, shift: usize,
): void {
  const one = f32x4.splat(1);
  const linear = f32x4.splat(scale);
  const square = f32x4.splat(0.5 * scale * scale);
  const slope = f32x4.splat(scale * scale);
  for (let i = 0; i < m; i++) {
    const row = <usize>(i * TILE) << 2;
    const count = diagonal ? i + 1 : n;
    const factor = load<f32>(inverse + (<usize>i << 2));
    const offset = load<f32>(shift + (<usize>i << 2));
    const factors = f32x4.splat(factor);
    const offsets = f32x4.splat(offset);
    let j = 0;
    for (; j + 4 <= count; j += 4) {
      const at = row + (<usize>j << 2);
      const x = v128.load(scores + at);
      const gradient = madd(v128.load(slopes + at), factors, offsets);
      v128.store(scores + at, f32x4.mul(factors, madd(x, madd(x, square, linear), one)));
      v128.store(slopes + at, f32x4.mul(gradient, madd(x, slope, linear)));
    }
    for (; j < count; j++) {
      const at = row + (<usize>j << 2);
      const s = scale * load<f32>(scores + at);
      const gradient = load<f32>(slopes + at) * factor + offset;
      store<f32>(scores + at, factor * (1 + s + 0.5 * s * s));
      store<f32>(slopes + at, scale * gradient * (1 + s));
    }
    for (; j < n; j++) {
      store<f32>(scores + row + (<usize>j << 2), 0);
      store<f32>(slopes + row + (<usize>j << 2), 0);
    }
  }
}
