/**
 * Taylor attention, quadratic form: tiles of 64 queries against tiles of 64 keys up to the diagonal; nothing of size
 * L x L is kept. A unit is one head of one sequence; work is cut into blocks, every `blocks`-th of the units, with
 * scratch of their own.
 *
 * Layout: q, k [B, L, H f], v, o [B, L, H p], normaliser [B, L, H]; scale = f^(-1/2).
 */
import { packedRowsBytes, packRows } from '@mixerzoo/core/assembly/gemm';
import {
  inverseTerms, normalise, packQueryTile, pairBackward, pairBackwardScratch, pairForward, pairForwardScratch,
  queryTileBytes, rowTerms, shiftTerms, TILE,
} from './tile.as';

/** Bytes of scratch a block of `forward` needs. */
export function forwardScratch(featureDim: i32, headDim: i32): i32 {
  return <i32>(packedRowsBytes(TILE, featureDim) + (TILE << 2) + pairForwardScratch(featureDim, headDim));
}

/** Bytes of scratch a block of `backward` needs. */
export function backwardScratch(featureDim: i32, headDim: i32): i32 {
  return <i32>(queryTileBytes(featureDim, headDim) + pairBackwardScratch(featureDim, headDim));
}

/** o and normaliser of the blocks [start, end) of the units, B H. */
export function forward(
  q: usize, k: usize, v: usize, o: usize, normaliser: usize,
  length: i32, heads: i32, featureDim: i32, headDim: i32, scale: f32, eps: f32, scratch: usize,
  units: i32, blocks: i32, start: i32, end: i32,
): void {
  const keyStep = heads * featureDim;
  const valueStep = heads * headDim;
  for (let unit = 0; unit < units; unit++) {
    const block = unit % blocks;
    if (block < start || block >= end) continue;
    const queries = scratch + <usize>block * forwardScratch(featureDim, headDim);
    const sums = queries + packedRowsBytes(TILE, featureDim);
    const pair = sums + (TILE << 2);
    const token = unit / heads * length;
    const head = unit % heads;
    for (let t = 0; t < length; t += TILE) {
      const m = min(length - t, TILE);
      const keyAt = <usize>((token + t) * keyStep + head * featureDim) << 2;
      const valueAt = <usize>((token + t) * valueStep + head * headDim) << 2;
      packRows(queries, q + keyAt, keyStep, 1, m, featureDim);
      memory.fill(sums, 0, TILE << 2);
      for (let s = 0; s <= t; s += TILE) {
        const keyBack = <usize>((t - s) * keyStep) << 2;
        const valueBack = <usize>((t - s) * valueStep) << 2;
        pairForward(
          queries, k + keyAt - keyBack, v + valueAt - valueBack, o + valueAt, sums, keyStep, valueStep,
          m, s == t ? m : TILE, featureDim, headDim, scale, s == t, s > 0, pair,
        );
      }
      normalise(o + valueAt, sums, normaliser + (<usize>((token + t) * heads + head) << 2), eps, m, heads, headDim, valueStep);
    }
  }
}

/** dQ, dK, dV of the blocks [start, end) of the units, B H. */
export function backward(
  q: usize, k: usize, v: usize, o: usize, normaliser: usize, dO: usize, dNormaliser: usize,
  dQ: usize, dK: usize, dV: usize,
  length: i32, heads: i32, featureDim: i32, headDim: i32, scale: f32, scratch: usize,
  units: i32, blocks: i32, start: i32, end: i32,
): void {
  const keyStep = heads * featureDim;
  const valueStep = heads * headDim;
  for (let unit = 0; unit < units; unit++) {
    const block = unit % blocks;
    if (block < start || block >= end) continue;
    const tile = scratch + <usize>block * backwardScratch(featureDim, headDim);
    const pair = tile + queryTileBytes(featureDim, headDim);
    const token = unit / heads * length;
    const head = unit % heads;
    for (let t = 0; t < length; t += TILE) {
      const m = min(length - t, TILE);
      const keyAt = <usize>((token + t) * keyStep + head * featureDim) << 2;
      const valueAt = <usize>((token + t) * valueStep + head * headDim) << 2;
      const rowAt = <usize>((token + t) * heads + head) << 2;
      packQueryTile(tile, q + keyAt, dO + valueAt, keyStep, valueStep, m, featureDim, headDim);
      rowTerms(
        o + valueAt, normaliser + rowAt, dO + valueAt, dNormaliser + rowAt,
        inverseTerms(tile, featureDim, headDim), shiftTerms(tile, featureDim, headDim), m, heads, headDim, valueStep,
      );
      for (let s = 0; s <= t; s += TILE) {
        const keyBack = <usize>((t - s) * keyStep) << 2;
        const valueBack = <usize>((t - s) * valueStep) << 2;
        pairBackward(
          tile, k + keyAt - keyBack, v + valueAt - valueBack,
          dQ + keyAt, dK + keyAt - keyBack, dV + valueAt - valueBack, keyStep, valueStep,
          m, s == t ? m : TILE, featureDim, headDim, scale, s == t, s > 0, pair,
        );
      }
    }
  }
}
