/** Attention with positions: what every mixer that attends is built from. */
import type { tf } from '@mixerzoo/core';
import { type CausalAttentionOptions, causalAttention } from './ops/causal-attention/index.js';
import type { Positions } from './positions.js';

/**
 * `softmax(q k^T) v` with positions: q [B, M, d] are the last M of the positions of k and v [B, L, d].
 *
 * @param options - `scale` is multiplied by the positions' own factor.
 */
export function attend(
  { q, k, v }: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D },
  positions: Positions,
  options: CausalAttentionOptions,
): tf.Tensor3D {
  const scale = (options.scale ?? (q.shape[2] / options.nHeads) ** -0.5) * positions.logitScale;
  const rotated = { q: positions.rotate(q, k.shape[1] - q.shape[1]), k: positions.rotate(k) };
  return causalAttention({ ...rotated, v, slopes: positions.slopes() }, { ...options, scale }).o;
}
