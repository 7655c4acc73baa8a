/** What the convolution with exponentials takes and gives. */
import type * as tf from '../../tf.js';

/** x [B, L, d], decay and weight [C, N]. */
export type Inputs = { x: tf.Tensor3D; decay: tf.Tensor2D; weight: tf.Tensor2D };
export type Attrs = Record<string, never>;
/** y [B, L, d] */
export type Outputs = { y: tf.Tensor3D };
