/** What dropout takes and gives: x and y of one shape. */
import type * as tf from '../../tf.js';

export type Inputs = { x: tf.Tensor };
/** A rate, and the 32-bit seed of the mask. */
export type Attrs = { rate: number; seed: number };
export type Outputs = { y: tf.Tensor };
