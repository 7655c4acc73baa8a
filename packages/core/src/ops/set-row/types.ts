/** What setting a row takes and gives. */
import type * as tf from '../../tf.js';

/** x [B, C, w], row [B, w]. */
export type Inputs = { x: tf.Tensor3D; row: tf.Tensor2D };
/** The row of each sequence that is set. */
export type Attrs = { at: number };
/** y [B, C, w] */
export type Outputs = { y: tf.Tensor3D };
