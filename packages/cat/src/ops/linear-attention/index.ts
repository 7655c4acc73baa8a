/**
 * Causal linear attention (Katharopoulos et al. 2020), chunk by chunk (Hua et al. 2022; Sun et al. 2023):
 *
 *   o_t = scale sum_{s <= t} (q_t . k_s) v_s,   over scale sum_{s <= t} q_t . k_s + eps if normalised
 *   per chunk: O = tril(Q K^T) V + Q S,   then S += K^T V   (and Z += sum K for the denominator)
 *
 * Work O(L C d + L p d), state [p, r] per head. Feature maps are applied before.
 *
 * Shapes: q, k [B, L, H p], v [B, L, H r], o [B, L, H r], denominator [B, H, L] (ones where not normalised).
 */
import { joinHeads, splitHeads } from '@mixerzoo/attention';
import { defineOp, formatShape, referenceGradient, ShapeError, tf } from '@mixerzoo/core';
import { attendGradientKernel, attendKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor };
type Outputs = { o: tf.Tensor; denominator: tf.Tensor };
type Attrs = { nHeads: number; scale: number; normalize: boolean; eps: number; chunkSize: number };

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

const definition = {
  name: 'LinearAttention',
  inputs: ['q', 'k', 'v'] as const,
  outputs: ['o', 'denominator'] as const,
  reference({ q, k, v }: Inputs, { nHeads, scale, normalize, eps, chunkSize }: Attrs): Outputs {
    const length = q.shape[1] as number;
    const [queries, keys, values] = [splitHeads(q, nHeads).mul(scale), splitHeads(k, nHeads), splitHeads(v, nHeads)];
    const outputs: tf.Tensor[] = [];
    const denominators: tf.Tensor[] = [];
    let state: tf.Tensor | undefined; // [B, H, p, r]
    let total: tf.Tensor | undefined; // [B, H, p, 1]
    for (let start = 0; start < length; start += chunkSize) {
      const size = Math.min(chunkSize, length - start);
      const [qc, kc, vc] = [queries, keys, values].map((x) => tf.slice(x, [0, 0, start, 0], [-1, -1, size, -1])) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      const weights = tf.matMul(qc, kc, false, true).mul(tf.linalg.bandPart(tf.ones([size, size]), -1, 0));
      const within = tf.matMul(weights, vc);
      outputs.push(state ? within.add(tf.matMul(qc, state)) : within);
      const weightWithin = weights.sum(-1, true);
      denominators.push(total ? weightWithin.add(qc.mul(total.transpose([0, 1, 3, 2])).sum(-1, true)) : weightWithin);
      if (start + size < length) {
        const [update, added] = [tf.matMul(kc, vc, true, false), kc.sum(2).expandDims(-1)];
        state = state ? state.add(update) : update;
        total = total ? total.add(added) : added;
      }
    }
    const sums = tf.concat(outputs, 2) as tf.Tensor4D;
    const denominator = normalize ? tf.concat(denominators, 2).add(eps) : tf.ones([...sums.shape.slice(0, 3), 1]);
    return {
      o: joinHeads((normalize ? sums.div(denominator) : sums) as tf.Tensor4D),
      denominator: denominator.squeeze([-1]),
    };
  },
};

/** The op behind {@link linearAttention}; gradients flow through `o` alone. */
export const linearAttentionOp = defineOp<Inputs, Attrs, Outputs>({
  ...definition,
  savedOutputs: ['o', 'denominator'],
  kernels: { wasm: attendKernel, webgpu: webgpu.attendKernel },
  gradient({ inputs, outputs, grads, attrs }) {
    const { dq, dk, dv } = linearAttentionGradientOp({ ...inputs, ...outputs, dO: grads.o }, attrs);
    return { q: dq, k: dk, v: dv };
  },
});

/** Gradients of {@link linearAttentionOp} with respect to q, k and v. */
const linearAttentionGradientOp = defineOp<
  Inputs & Outputs & { dO: tf.Tensor },
  Attrs,
  { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor }
>({
  name: 'LinearAttentionGradient',
  inputs: ['q', 'k', 'v', 'o', 'denominator', 'dO'],
  outputs: ['dq', 'dk', 'dv'],
  gradient: 'none',
  kernels: { wasm: attendGradientKernel, webgpu: webgpu.attendGradientKernel },
  reference({ q, k, v, dO }, attrs) {
    const found = referenceGradient<Inputs, Attrs, { o: tf.Tensor }>(definition, { q, k, v }, { o: dO }, attrs);
    return { dq: found.q as tf.Tensor, dk: found.k as tf.Tensor, dv: found.v as tf.Tensor };
  },
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
  return linearAttentionOp({ q, k, v }, { nHeads, scale, normalize, eps, chunkSize }).o as tf.Tensor3D;
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
