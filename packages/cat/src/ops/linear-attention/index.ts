/**
 * Causal linear attention (Katharopoulos et al. 2020), chunk by chunk (Hua et al. 2022; Sun et al. 2023):
 *
 *   o_t = scale sum_{s <= t} (q_t . k_s) v_s,   over scale sum_{s <= t} q_t . k_s + eps if normalised
 *   per chunk: O = tril(Q K^T) V + Q S,   then S += K^T V   (and Z += sum K for the denominator)
 *
 * Work O(L C d + L p d), state [p, r] per head. Feature maps are applied before.
 *
 * Shapes: q, k [B, L, H p], v [B, L, H r], o [B, L, H r].
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { attendReference } from './reference.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** What {@link linearAttention} can be told. */
export interface LinearAttentionOptions {
  readonly nHeads: number;
  /** Factor of q . k. Default 1. */
  readonly scale?: number;
  /** Divide by the sum of the weights. Default false. */
  readonly normalize?: boolean;
  /** Added to the denominator. Default 1e-12. */
  readonly eps?: number;
  /** Tokens per chunk; changes the cost, not the result. Default 64. */
  readonly chunkSize?: number;
}

/** The op behind {@link linearAttention}. */
export const linearAttentionOp = defineOp<Inputs, Attrs, Outputs, Saved>({
  name: 'LinearAttention',
  inputs: ['q', 'k', 'v'],
  outputs: ['o'],
  saved: ['o', 'denominator'],
  reference: attendReference,
  kernels: { wasm: wasm.attend, webgpu: webgpu.attend },
  gradient: { kernels: { wasm: wasm.attendGradient, webgpu: webgpu.attendGradient } },
});

/**
 * Attends linearly and causally.
 *
 * @param inputs - q, k [B, L, H p], v [B, L, H r].
 * @returns [B, L, H r]
 * @throws ShapeError
 */
export function linearAttention(
  { q, k, v }: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D },
  { nHeads, scale = 1, normalize = false, eps = 1e-12, chunkSize = 64 }: LinearAttentionOptions,
): tf.Tensor3D {
  const fits = tf.util.arraysEqual(q.shape, k.shape) && tf.util.arraysEqual(q.shape.slice(0, 2), v.shape.slice(0, 2));
  if (!fits || q.shape[2] % nHeads !== 0 || v.shape[2] % nHeads !== 0) {
    throw new ShapeError(
      `linearAttention: expected q and k [B, L, H p] and v [B, L, H r] with H = ${nHeads}, got ${[q, k, v].map(({ shape }) => formatShape(shape)).join(', ')}.`,
    );
  }
  return linearAttentionOp({ q, k, v }, { nHeads, scale, normalize, eps, chunkSize }).o;
}

/** FLOPs of {@link linearAttention} for one sequence, widths d of all of q's and v's heads. */
export function linearAttentionFlops(seqLen: number, dModel: number, nHeads: number, chunkSize = 64): number {
  const acrossChunks = (tokens: number) => (2 * tokens * dModel ** 2) / nHeads;
  let flops = 0;
  for (let start = 0; start < seqLen; start += chunkSize) {
    const size = Math.min(chunkSize, seqLen - start);
    flops += 4 * size ** 2 * dModel;
    if (start > 0) flops += acrossChunks(size);
    if (start + size < seqLen) flops += acrossChunks(size);
  }
  return flops;
}
