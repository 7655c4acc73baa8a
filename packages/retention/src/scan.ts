/**
 * The scan of retention. Per head, with state S [K, V] and a decay that never changes:
 *
 *   S_t = gamma_h S_{t-1} + k_t v_t^T,   o_t = scale (q_t^T S_t),   gamma_h = 1 - 2^(-5-h)
 *
 * It is SSD, the scan of Mamba-2, with steps of 1, A = log gamma, x = v, B = k and C = scale q, so it runs on SSD's kernels.
 *
 * Source: Sun et al. 2023 (arXiv 2307.08621), equations 5 and 7.
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { formatShape } from '@mixerzoo/core/kernels';
import { type SsdArguments, ssd, ssdOutput } from '@mixerzoo/mamba';

/** Tokens per chunk of the scan. */
const CHUNK = 64;

/** gamma_h = 1 - 2^(-5-h) of every head. */
export function gammas(nHeads: number): number[] {
  return Array.from({ length: nHeads }, (_, head) => 1 - 2 ** (-5 - head));
}

/** Queries and keys [B, L, H K], values [B, L, H V], and the state before the first token; zero if absent. */
export interface RetentionScanArguments {
  readonly q: tf.Tensor3D;
  readonly k: tf.Tensor3D;
  readonly v: tf.Tensor3D;
  /** S^T [B, H, V, K] */
  readonly initialState?: tf.Tensor4D;
}

/** Heads own contiguous columns. */
export interface RetentionScanOptions {
  readonly nHeads: number;
  /** Factor of the queries. Default K^(-1/2). */
  readonly scale?: number;
}

/**
 * Scans every sequence; differentiable in all tensors and through both results.
 *
 * @returns o [B, L, H V] and S^T after the last token, lastState [B, H, V, K].
 * @throws ShapeError
 */
export function retentionScan(
  tensors: RetentionScanArguments,
  options: RetentionScanOptions,
): { o: tf.Tensor3D; lastState: tf.Tensor4D } {
  const { y, lastState } = ssd(ssdArguments(tensors, options), { chunkSize: CHUNK });
  return { o: y.reshape(tensors.v.shape), lastState };
}

/** {@link retentionScan} where nothing is made of the last state: o [B, L, H V]. */
export function retentionScanOutput(tensors: RetentionScanArguments, options: RetentionScanOptions): tf.Tensor3D {
  return ssdOutput(ssdArguments(tensors, options), { chunkSize: CHUNK }).reshape(tensors.v.shape);
}

function ssdArguments(
  { q, k, v, initialState }: RetentionScanArguments,
  { nHeads, scale }: RetentionScanOptions,
): SsdArguments {
  const [batch, length, width] = q.shape;
  const all = [q, k, v];
  const fits =
    all.every((x) => x.rank === 3 && x.shape[0] === batch && x.shape[1] === length && x.shape[2] % nHeads === 0) &&
    k.shape[2] === width;
  if (!fits) {
    throw new ShapeError(
      `retentionScan: expected q, k [B, L, H K] and v [B, L, H V] with H = ${nHeads}, ` +
        `got ${all.map((x) => formatShape(x.shape)).join(', ')}.`,
    );
  }
  const heads = (x: tf.Tensor) => x.reshape<tf.Tensor4D>([batch, length, nHeads, -1]);
  return {
    x: heads(v),
    dt: tf.ones([batch, length, nHeads]),
    A: tf.tensor1d(gammas(nHeads).map(Math.log)),
    B: heads(k),
    C: heads(q.mul(scale ?? (width / nHeads) ** -0.5)),
    ...(initialState && { initialState }),
  };
}

/** FLOPs of the scan over a sequence, in the chunked form of the reference; a multiply-add is 2. */
export function scanFlops(seqLen: number, nHeads: number, headK: number, headV: number): number {
  const chunk = Math.min(CHUNK, seqLen);
  const padded = chunk * Math.ceil(seqLen / chunk);
  return padded * nHeads * (2 * chunk * (headK + headV) + 4 * headK * headV);
}
