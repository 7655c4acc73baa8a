/** What the SiLU takes and gives: x and y of one shape. */
import type * as tf from '../../tf.js';

export type Inputs = { x: tf.Tensor };
export type Attrs = Record<string, never>;
export type Outputs = { y: tf.Tensor };
