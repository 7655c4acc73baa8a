/** What the scan takes and gives. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs } from '@mixerzoo/core/kernels';

/** r, g, k, kappa, a [B, L, H K], v [B, L, H V]; initialState [B, H, K, V], zero if left out. */
export type Inputs = {
  r: tf.Tensor3D;
  g: tf.Tensor3D;
  k: tf.Tensor3D;
  v: tf.Tensor3D;
  kappa: tf.Tensor3D;
  a: tf.Tensor3D;
  initialState: tf.Tensor4D | undefined;
};
export type Attrs = { nHeads: number };
/** o [B, L, H V], lastState [B, H, K, V]. */
export type Outputs = { o: tf.Tensor3D; lastState: tf.Tensor4D };
/** removed [B, L, H V]: `S_{t-1}^T kappa_t`; states [B, H, ceil(L / CHUNK), K, V]: the state before every chunk. */
export type Saved = { removed: tf.Tensor3D; states: tf.Tensor5D };
/** What the gradient takes: no `dLastState` where nothing was made of the last state. */
export type Backward = GradientInputs<Inputs, Pick<Outputs, 'o'>, Saved> & { dLastState?: Outputs['lastState'] };
