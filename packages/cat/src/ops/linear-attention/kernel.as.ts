/**
 * Causal linear attention chunk by chunk: within a chunk as a masked matrix of weights, across chunks by the state
 * S = sum k v^T, Z = sum k. Backward: dQ forward in time with S, dK and dV backward in time with
 * dS = sum q dO^T, dZ = sum q dDenominator; weights are computed again, nothing of size [L, L] is kept.
 *
 * A unit of work is a block: every `blocks`-th head of the B H, with scratch of its own. Rows of queries and keys lie
 * `nHeads p` apart, those of values `nHeads r`.
 */
import { gemm, gemmScratchBytes } from '@mixerzoo/core/assembly/gemm';
import { addScaled, aligned, dot, scaled, sum } from '@mixerzoo/core/assembly/vector';

/** Bytes of scratch a block needs, forward or backward. */
export function blockScratch(chunk: i32, p: i32, r: i32): i32 {
  const wide = max(chunk, max(p, r));
  return <i32>(2 * aligned(chunk * chunk) + aligned(chunk * r) + aligned(p * r) + aligned(p) + aligned(chunk) + gemmScratchBytes(wide, wide, wide));
}

/** o and denominator (ones unless normalised). */
export function attend(
  q: usize, k: usize, v: usize, o: usize, denominator: usize, scratch: usize,
  heads: i32, nHeads: i32, length: i32, p: i32, r: i32, chunk: i32, scale: f32, normalize: bool, eps: f32,
  blocks: i32, start: i32, end: i32,
): void {
  const width = nHeads * p;
  const valueWidth = nHeads * r;
  for (let block = start; block < end; block++) {
    const weights = scratch + <usize>block * blockScratch(chunk, p, r);
    const state = weights + aligned(chunk * chunk);
    const total = state + aligned(p * r);
    const buffers = total + aligned(p);
    for (let head = block; head < heads; head += blocks) {
      const sequence = head / nHeads;
      const h = head % nHeads;
      const sums = denominator + (<usize>(head * length) << 2);
      memory.fill(total, 0, <usize>p << 2);
      for (let i = 0; i < length; i += chunk) {
        const n = min(chunk, length - i);
        const row = sequence * length + i;
        const qc = q + (<usize>(row * width + h * p) << 2);
        const kc = k + (<usize>(row * width + h * p) << 2);
        const vc = v + (<usize>(row * valueWidth + h * r) << 2);
        const oc = o + (<usize>(row * valueWidth + h * r) << 2);
        gemm(qc, width, 1, kc, 1, width, weights, chunk, n, p, n, false, buffers);
        keepPast(weights, n, chunk);
        gemm(weights, chunk, 1, vc, valueWidth, 1, oc, valueWidth, n, n, r, false, buffers);
        if (i > 0) gemm(qc, width, 1, state, r, 1, oc, valueWidth, n, p, r, true, buffers);
        for (let t = 0; t < n; t++) {
          let divisor: f32 = 1;
          if (normalize) {
            divisor = scale * (sum(weights + (<usize>(t * chunk) << 2), n) + dot(qc + (<usize>(t * width) << 2), total, p)) + eps;
          }
          store<f32>(sums + (<usize>(i + t) << 2), divisor);
          const line = oc + (<usize>(t * valueWidth) << 2);
          scaled(line, line, r, scale / divisor);
        }
        if (i + n < length) {
          gemm(kc, 1, width, vc, valueWidth, 1, state, r, p, n, r, i > 0, buffers);
          if (normalize) for (let t = 0; t < n; t++) addScaled(total, kc + (<usize>(t * width) << 2), p, 1);
        }
      }
    }
  }
}

/** dQ, dK, dV. */
export function attendGradient(
  q: usize, k: usize, v: usize, o: usize, denominator: usize, dO: usize, dQ: usize, dK: usize, dV: usize, scratch: usize,
  heads: i32, nHeads: i32, length: i32, p: i32, r: i32, chunk: i32, scale: f32, normalize: bool,
  blocks: i32, start: i32, end: i32,
): void {
  const width = nHeads * p;
  const valueWidth = nHeads * r;
  for (let block = start; block < end; block++) {
    const weights = scratch + <usize>block * blockScratch(chunk, p, r);
    const dWeights = weights + aligned(chunk * chunk);
    const gradients = dWeights + aligned(chunk * chunk); // scale dO / denominator, [n, r]
    const state = gradients + aligned(chunk * r); // S, then dS
    const total = state + aligned(p * r); // Z, then dZ
    const dSums = total + aligned(p); // scale times the gradient of the denominator, [n]
    const buffers = dSums + aligned(chunk);
    for (let head = block; head < heads; head += blocks) {
      const sequence = head / nHeads;
      const h = head % nHeads;
      const sums = denominator + (<usize>(head * length) << 2);
      const last = ((length - 1) / chunk) * chunk;

      memory.fill(total, 0, <usize>p << 2);
      for (let i = 0; i < length; i += chunk) {
        const n = min(chunk, length - i);
        const row = sequence * length + i;
        const at = <usize>(row * width + h * p) << 2;
        const valueAt = <usize>(row * valueWidth + h * r) << 2;
        outputGradient(gradients, dSums, dO + valueAt, o + valueAt, sums + (<usize>i << 2), n, r, valueWidth, scale, normalize);
        gemm(gradients, r, 1, v + valueAt, 1, valueWidth, dWeights, chunk, n, r, n, false, buffers);
        if (normalize) addToRows(dWeights, dSums, n, chunk);
        keepPast(dWeights, n, chunk);
        gemm(dWeights, chunk, 1, k + at, width, 1, dQ + at, width, n, n, p, false, buffers);
        if (i > 0) {
          gemm(gradients, r, 1, state, 1, r, dQ + at, width, n, r, p, true, buffers);
          if (normalize) for (let t = 0; t < n; t++) addScaled(dQ + at + (<usize>(t * width) << 2), total, p, load<f32>(dSums + (<usize>t << 2)));
        }
        if (i + n < length) {
          gemm(k + at, 1, width, v + valueAt, valueWidth, 1, state, r, p, n, r, i > 0, buffers);
          if (normalize) for (let t = 0; t < n; t++) addScaled(total, k + at + (<usize>(t * width) << 2), p, 1);
        }
      }

      memory.fill(total, 0, <usize>p << 2);
      for (let i = last; i >= 0; i -= chunk) {
        const n = min(chunk, length - i);
        const row = sequence * length + i;
        const at = <usize>(row * width + h * p) << 2;
        const valueAt = <usize>(row * valueWidth + h * r) << 2;
        if (i < last) { // those of the last chunk are still there
          outputGradient(gradients, dSums, dO + valueAt, o + valueAt, sums + (<usize>i << 2), n, r, valueWidth, scale, normalize);
          gemm(gradients, r, 1, v + valueAt, 1, valueWidth, dWeights, chunk, n, r, n, false, buffers);
          if (normalize) addToRows(dWeights, dSums, n, chunk);
          keepPast(dWeights, n, chunk);
        }
        gemm(q + at, width, 1, k + at, 1, width, weights, chunk, n, p, n, false, buffers);
        keepPast(weights, n, chunk);
        gemm(dWeights, 1, chunk, q + at, width, 1, dK + at, width, n, n, p, false, buffers);
        gemm(weights, 1, chunk, gradients, r, 1, dV + valueAt, valueWidth, n, n, r, false, buffers);
        if (i < last) {
          gemm(v + valueAt, valueWidth, 1, state, 1, r, dK + at, width, n, r, p, true, buffers);
          gemm(k + at, width, 1, state, r, 1, dV + valueAt, valueWidth, n, p, r, true, buffers);
          if (normalize) for (let t = 0; t < n; t++) addScaled(dK + at + (<usize>(t * width) << 2), total, p, 1);
        }
        if (i > 0) {
          gemm(q + at, 1, width, gradients, r, 1, state, r, p, n, r, i < last, buffers);
          if (normalize) for (let t = 0; t < n; t++) addScaled(total, q + at + (<usize>(t * width) << 2), p, load<f32>(dSums + (<usize>t << 2)));
        }
      }
    }
  }
}

/** gradients = scale dO / denominator; dSums = -scale <dO, o> / denominator, the gradient of sum_s q.k. */
function outputGradient(
  gradients: usize, dSums: usize, dO: usize, o: usize, sums: usize,
  n: i32, r: i32, valueWidth: i32, scale: f32, normalize: bool,
): void {
  for (let t = 0; t < n; t++) {
    const line = <usize>(t * valueWidth) << 2;
    const factor = scale / load<f32>(sums + (<usize>t << 2));
    scaled(gradients + (<usize>(t * r) << 2), dO + line, r, factor);
    if (normalize) store<f32>(dSums + (<usize>t << 2), -factor * dot(dO + line, o + line, r));
  }
}

/** Zeroes the entries above the diagonal of the n x n matrix, rows `stride` apart. */
function keepPast(at: usize, n: i32, stride: i32): void {
  for (let t = 0; t + 1 < n; t++) {
    memory.fill(at + (<usize>(t * stride + t + 1) << 2), 0, <usize>(n - t - 1) << 2);
  }
}

/** Adds element t to every entry of row t. */
function addToRows(at: usize, values: usize, n: i32, stride: i32): void {
  for (let t = 0; t < n; t++) {
    const value = load<f32>(values + (<usize>t << 2));
    const row = at + (<usize>(t * stride) << 2);
    for (let s = 0; s < n; s++) store<f32>(row + (<usize>s << 2), load<f32>(row + (<usize>s << 2)) + value);
  }
}
