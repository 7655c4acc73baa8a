/** What the affine map takes and gives. */
import type * as tf from '../../tf.js';

/** x [..., k], weight [k, n], bias [n]. */
export type Inputs = { x: tf.Tensor; weight: tf.Tensor; bias: tf.Tensor | undefined };
export type Attrs = Record<string, never>;
/** y [..., n] */
export type Outputs = { y: tf.Tensor };
