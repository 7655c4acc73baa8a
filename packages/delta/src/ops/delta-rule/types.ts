/** What the gated delta rule takes and gives. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs } from '@mixerzoo/core/kernels';

/**
 * q, k [B, L, H K], v [B, L, H V], beta [B, L, H]; g, the logarithm of the decay, [B, L, H] or [B, L, H K], no decay if left out;
 * initialState [B, H, K, V], zero if left out.
 */
export type Inputs = {
  q: tf.Tensor3D;
  k: tf.Tensor3D;
  v: tf.Tensor3D;
  beta: tf.Tensor3D;
  g: tf.Tensor3D | undefined;
  initialState: tf.Tensor4D | undefined;
};
export type Attrs = { nHeads: number; scale: number };
/** o [B, L, H V], lastState [B, H, K, V]. */
export type Outputs = { o: tf.Tensor3D; lastState: tf.Tensor4D };
/** residual [B, L, H V]: `v_t - S'_t^T k_t`; states [B, H, ceil(L / CHUNK), K, V]: the state before every chunk. */
export type Saved = { residual: tf.Tensor3D; states: tf.Tensor5D };
/** What the rule is differentiated from; dLastState is absent where nothing was made of the last state. */
export type RuleGradientInputs = GradientInputs<Inputs, Pick<Outputs, 'o'>, Saved> & { dLastState?: tf.Tensor4D };

/** What kernels count with: `gates` columns of g a head, 0, 1 or K. */
export function sizesOf({ q, v, g }: Inputs, { nHeads, scale }: Attrs) {
  const [batch, length, width] = q.shape;
  const gates = g ? g.shape[2] / nHeads : 0;
  return { batch, length, nHeads, headK: width / nHeads, headV: v.shape[2] / nHeads, gates, scale };
}
