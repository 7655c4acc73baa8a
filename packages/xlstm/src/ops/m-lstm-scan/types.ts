/** What the scan of mLSTM takes and gives. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs } from '@mixerzoo/core/kernels';

/**
 * q, k [B, L, H K], v [B, L, H V]; i, the input gate's logarithm, and logF, the forget gate's, [B, L, H]; the state before the first
 * token: initialC [B, H, K, V], initialN [B, H, K], initialM [B, H], all of them or none.
 */
export type Inputs = {
  q: tf.Tensor3D;
  k: tf.Tensor3D;
  v: tf.Tensor3D;
  i: tf.Tensor3D;
  logF: tf.Tensor3D;
  initialC: tf.Tensor4D | undefined;
  initialN: tf.Tensor3D | undefined;
  initialM: tf.Tensor2D | undefined;
};
export type Attrs = { nHeads: number; scale: number };
/** h [B, L, H V]; lastC [B, H, K, V], lastN [B, H, K], lastM [B, H]. */
export type Outputs = { h: tf.Tensor3D; lastC: tf.Tensor4D; lastN: tf.Tensor3D; lastM: tf.Tensor2D };
/** The states before every chunk and after the last: cells [n + 1, B, H, K, V], norms [n + 1, B, H, K], maxima [n + 1, B, H]. */
export type Saved = { h: tf.Tensor3D; cells: tf.Tensor5D; norms: tf.Tensor4D; maxima: tf.Tensor3D };
/** What the gradient takes: nothing of a last state of which nothing was made. */
export type Backward = GradientInputs<Inputs, Pick<Outputs, 'h'>, Saved> & {
  dLastC?: tf.Tensor4D;
  dLastN?: tf.Tensor3D;
  dLastM?: tf.Tensor2D;
};
