/** What the delta rule takes and gives. */
import type { tf } from '@mixerzoo/core';

/** q, k [B, L, H K], v [B, L, H V], beta [B, L, H]; initialState [B, H, K, V], zero if left out. */
export type Inputs = {
  q: tf.Tensor3D;
  k: tf.Tensor3D;
  v: tf.Tensor3D;
  beta: tf.Tensor3D;
  initialState: tf.Tensor4D | undefined;
};
export type Attrs = { nHeads: number; scale: number };
/** o [B, L, H V], lastState [B, H, K, V]. */
export type Outputs = { o: tf.Tensor3D; lastState: tf.Tensor4D };
/** residual [B, L, H V]: `v_t - S_{t-1}^T k_t`; states [B, H, ceil(L / CHUNK), K, V]: the state after every chunk. */
export type Saved = { residual: tf.Tensor3D; states: tf.Tensor5D };
