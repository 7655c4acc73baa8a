/**
 * Taylor attention, chunkwise form for long sequences: within a chunk of 64 tokens quadratic, over earlier chunks
 * through S = sum phi(k) v^T [D_phi, p] and Z = sum phi(k) [D_phi] with the packed features. Cost and memory are linear
 * in L. Units and blocks are those of the quadratic form.
 *
 * Backward: with inverse = 1 / z and shift = dZ - dO . o / z per query (tile.as.ts),
 *   forwards    dphi(q_t) = inverse_t S dO_t + shift_t Z             over the S, Z before the chunk
 *   backwards   dS = sum inverse_t phi(q_t) dO_t^T,  dZ = sum shift_t phi(q_t)   over the chunks after it
 *               dphi(k_s) = dS v_s + dZ,   dV_s = dS^T phi(k_s)
 */
import {
  multiplyPacked, packColumns, packedColumnsBytes, packedRowsBytes, packRows,
} from '@mixerzoo/core/assembly/gemm';
import {
  gradientColumns, gradientRows, inverseTerms, normalise, packQueryTile, pairBackward, pairBackwardScratch, pairForward,
  pairForwardScratch, queryTileBytes, rowTerms, shiftTerms, TILE,
} from '../tile.as';
import {
  addRowProducts, addRows, featureBytes, featureGradient, features, featureScratch, featureStep, packedFeatures,
  scaleAndAdd,
} from './features.as';

/** Bytes of S and Z, of a chunk's features, of their panels and of those of S. */
function stateScratch(featureDim: i32, headDim: i32): usize {
  const count = packedFeatures(featureDim);
  return (
    (<usize>(count * headDim + featureStep(featureDim)) << 2) + featureBytes(TILE, featureDim) +
    featureScratch(featureDim) + panelBytes(count) +
    columnBytes(count, headDim)
  );
}

/** Row panels of a chunk's features or of their transpose. */
// @ts-ignore: decorator
@inline
function panelBytes(count: i32): usize {
  return packedRowsBytes(count, TILE) + 16;
}

/** Column panels of S, of its transpose or of a chunk's values. */
// @ts-ignore: decorator
@inline
function columnBytes(count: i32, headDim: i32): usize {
  return max(packedColumnsBytes(max(count, TILE), headDim), packedColumnsBytes(headDim, count));
}

/** Bytes of scratch a block of `forward` needs. */
export function forwardScratch(featureDim: i32, headDim: i32): i32 {
  return <i32>(
    (packedRowsBytes(TILE, featureDim) + (TILE << 2) + pairForwardScratch(featureDim, headDim) +
      stateScratch(featureDim, headDim) + 15) & ~15
  );
}

/** Bytes of scratch a block of `backward` needs. */
export function backwardScratch(featureDim: i32, headDim: i32): i32 {
  return <i32>(
    (queryTileBytes(featureDim, headDim) + pairBackwardScratch(featureDim, headDim) +
      stateScratch(featureDim, headDim) + packedRowsBytes(TILE, headDim) + 15) & ~15
  );
}

/** o and normaliser of the blocks [start, end); arguments as in the quadratic form. */
export function forward(
  q: usize, k: usize, v: usize, o: usize, normaliser: usize,
  length: i32, heads: i32, featureDim: i32, headDim: i32, scale: f32, eps: f32, scratch: usize,
  units: i32, blocks: i32, start: i32, end: i32,
): void {
  const keyStep = heads * featureDim;
  const valueStep = heads * headDim;
  const count = packedFeatures(featureDim);
  const step = featureStep(featureDim);
  for (let unit = 0; unit < units; unit++) {
    const block = unit % blocks;
    if (block < start || block >= end) continue;
    const queries = scratch + <usize>block * forwardScratch(featureDim, headDim);
    const sums = queries + packedRowsBytes(TILE, featureDim);
    const pair = sums + (TILE << 2);
    const total = pair + pairForwardScratch(featureDim, headDim); // Z
    const state = total + (<usize>step << 2); // S
    const phi = state + (<usize>(count * headDim) << 2);
    const row = phi + featureBytes(TILE, featureDim);
    const panels = row + featureScratch(featureDim);
    const columns = panels + panelBytes(count);
    memory.fill(total, 0, <usize>(step + count * headDim) << 2);
    const token = unit / heads * length;
    const head = unit % heads;
    for (let t = 0; t < length; t += TILE) {
      const m = min(length - t, TILE);
      const keyAt = <usize>((token + t) * keyStep + head * featureDim) << 2;
      const valueAt = <usize>((token + t) * valueStep + head * headDim) << 2;
      packRows(queries, q + keyAt, keyStep, 1, m, featureDim);
      memory.fill(sums, 0, TILE << 2);
      pairForward(
        queries, k + keyAt, v + valueAt, o + valueAt, sums, keyStep, valueStep,
        m, m, featureDim, headDim, scale, true, false, pair,
      );
      if (t > 0) {
        features(phi, q + keyAt, keyStep, m, featureDim, row);
        addRowProducts(sums, phi, total, m, featureDim);
        packRows(panels, phi, step, 1, m, count);
        packColumns(columns, state, headDim, 1, count, headDim);
        multiplyPacked(panels, columns, o + valueAt, valueStep, m, count, headDim, true);
      }
      normalise(o + valueAt, sums, normaliser + (<usize>((token + t) * heads + head) << 2), eps, m, heads, headDim, valueStep);
      if (t + TILE < length) {
        features(phi, k + keyAt, keyStep, m, featureDim, row);
        addRows(total, phi, 0, m, featureDim);
        packRows(panels, phi, 1, step, count, m);
        multiplyPacked(panels, pair, state, headDim, count, m, headDim, true);
      }
    }
  }
}

/** dQ, dK, dV of the blocks [start, end); arguments as in the quadratic form. */
export function backward(
  q: usize, k: usize, v: usize, o: usize, normaliser: usize, dO: usize, dNormaliser: usize,
  dQ: usize, dK: usize, dV: usize,
  length: i32, heads: i32, featureDim: i32, headDim: i32, scale: f32, scratch: usize,
  units: i32, blocks: i32, start: i32, end: i32,
): void {
  const keyStep = heads * featureDim;
  const valueStep = heads * headDim;
  const count = packedFeatures(featureDim);
  const step = featureStep(featureDim);
  for (let unit = 0; unit < units; unit++) {
    const block = unit % blocks;
    if (block < start || block >= end) continue;
    const tile = scratch + <usize>block * backwardScratch(featureDim, headDim);
    const pair = tile + queryTileBytes(featureDim, headDim);
    const total = pair + pairBackwardScratch(featureDim, headDim); // Z, then its gradient
    const state = total + (<usize>step << 2); // S, then its gradient
    const phi = state + (<usize>(count * headDim) << 2);
    const row = phi + featureBytes(TILE, featureDim);
    const panels = row + featureScratch(featureDim);
    const columns = panels + panelBytes(count);
    const values = columns + columnBytes(count, headDim);
    const inverse = inverseTerms(tile, featureDim, headDim);
    const shift = shiftTerms(tile, featureDim, headDim);
    const token = unit / heads * length;
    const head = unit % heads;
    memory.fill(total, 0, (<usize>(step + count * headDim) << 2) + featureBytes(TILE, featureDim));

    for (let t = 0; t < length; t += TILE) {
      const m = min(length - t, TILE);
      const keyAt = <usize>((token + t) * keyStep + head * featureDim) << 2;
      const valueAt = <usize>((token + t) * valueStep + head * headDim) << 2;
      const rowAt = <usize>((token + t) * heads + head) << 2;
      packQueryTile(tile, q + keyAt, dO + valueAt, keyStep, valueStep, m, featureDim, headDim);
      rowTerms(o + valueAt, normaliser + rowAt, dO + valueAt, dNormaliser + rowAt, inverse, shift, m, heads, headDim, valueStep);
      pairBackward(
        tile, k + keyAt, v + valueAt, dQ + keyAt, dK + keyAt, dV + valueAt, keyStep, valueStep,
        m, m, featureDim, headDim, scale, true, false, pair,
      );
      if (t > 0) {
        packColumns(columns, state, 1, headDim, headDim, count);
        multiplyPacked(gradientRows(tile, featureDim), columns, phi, step, m, headDim, count, false);
        scaleAndAdd(phi, inverse, shift, total, m, featureDim);
        featureGradient(dQ + keyAt, phi, q + keyAt, keyStep, m, featureDim, row);
      }
      if (t + TILE < length) {
        features(phi, k + keyAt, keyStep, m, featureDim, row);
        addRows(total, phi, 0, m, featureDim);
        packRows(panels, phi, 1, step, count, m);
        packColumns(columns, v + valueAt, valueStep, 1, m, headDim);
        multiplyPacked(panels, columns, state, headDim, count, m, headDim, true);
      }
    }

    memory.fill(total, 0, <usize>(step + count * headDim) << 2);
    const last = (length - 1) / TILE * TILE;
    for (let t = last; t >= 0; t -= TILE) {
      const m = min(length - t, TILE);
      const keyAt = <usize>((token + t) * keyStep + head * featureDim) << 2;
      const valueAt = <usize>((token + t) * valueStep + head * headDim) << 2;
      const rowAt = <usize>((token + t) * heads + head) << 2;
      if (t < last) {
        features(phi, k + keyAt, keyStep, m, featureDim, row);
        packRows(panels, phi, step, 1, m, count);
        packColumns(columns, state, headDim, 1, count, headDim);
        multiplyPacked(panels, columns, dV + valueAt, valueStep, m, count, headDim, true);
        packRows(values, v + valueAt, valueStep, 1, m, headDim);
        packColumns(columns, state, 1, headDim, headDim, count);
        multiplyPacked(values, columns, phi, step, m, headDim, count, false);
        scaleAndAdd(phi, 0, 0, total, m, featureDim);
        featureGradient(dK + keyAt, phi, k + keyAt, keyStep, m, featureDim, row);
      }
      if (t > 0) {
        rowTerms(o + valueAt, normaliser + rowAt, dO + valueAt, dNormaliser + rowAt, inverse, shift, m, heads, headDim, valueStep);
        features(phi, q + keyAt, keyStep, m, featureDim, row);
        addRows(total, phi, shift, m, featureDim);
        scaleAndAdd(phi, inverse, 0, 0, m, featureDim);
        packRows(panels, phi, 1, step, count, m);
        const gradients = gradientColumns(tile, featureDim, headDim);
        packColumns(gradients, dO + valueAt, valueStep, 1, m, headDim);
        multiplyPacked(panels, gradients, state, headDim, count, m, headDim, true);
      }
    }
  }
}
