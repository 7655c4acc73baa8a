/**
 * Causal linear attention with the second-order Taylor feature map, as an op.
 *
 *   o_t = sum_{s <= t} A[t, s] v_s / (sum_{s <= t} A[t, s] + eps),   A = 1 + s + s^2 / 2,   s = q_t . k_s / sqrt(f)
 *
 * A = ((s + 1)^2 + 1) / 2 >= 1/2, so the normaliser cannot vanish. Gradient: with z the normaliser,
 * dA[t, s] = (dO_t . v_s - dO_t . o_t) / z_t, dS = dA (1 + s), dQ = dS K / sqrt(f), dK = dS^T Q / sqrt(f),
 * dV = (A / z)^T dO.
 *
 * Sources: Arora et al. 2024, "Simple linear attention language models balance the recall-throughput tradeoff"
 * (arXiv 2402.18668), section 4; HazyResearch/zoology `mixers/based.py`.
 */
import { defineOp, formatShape, ShapeError, type tf } from '@mixerzoo/core';
import { type TaylorAttrs, type TaylorInputs, type TaylorOutputs, taylorReference } from './reference.js';

/** The op behind {@link taylorAttention}; its second output is the normaliser [B, L, H]. */
export const taylorAttentionOp = defineOp<TaylorInputs, TaylorAttrs, TaylorOutputs>({
  name: 'TaylorAttention',
  inputs: ['q', 'k', 'v'],
  outputs: ['o', 'normaliser'],
  reference: taylorReference,
});

/** Heads own contiguous columns. */
export interface TaylorAttentionOptions {
  readonly nHeads: number;
  /** Added to the normaliser. Default 1e-12. */
  readonly eps?: number;
}

/**
 * Causal Taylor attention.
 *
 * @param inputs - q, k [B, L, H f], v [B, L, H p].
 * @returns [B, L, H p]
 * @throws ShapeError
 */
export function taylorAttention(
  { q, k, v }: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D },
  { nHeads, eps = 1e-12 }: TaylorAttentionOptions,
): tf.Tensor3D {
  const [batch, length, width] = q.shape;
  const fits =
    [q, k, v].every(
      (x) => x.rank === 3 && x.shape[0] === batch && x.shape[1] === length && x.shape[2] % nHeads === 0,
    ) && k.shape[2] === width;
  if (!fits) {
    throw new ShapeError(
      `taylorAttention: expected q, k [B, L, H f] and v [B, L, H p] with H = ${nHeads}, got ${[q, k, v].map((x) => formatShape(x.shape)).join(', ')}.`,
    );
  }
  return taylorAttentionOp({ q, k, v }, { nHeads, eps }).o as tf.Tensor3D;
}
