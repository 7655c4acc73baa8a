/** The GELU in plain `tf` ops. */
import * as tf from '../../tf.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export function geluReference({ x }: Inputs, { approximate }: Attrs): Outputs {
  if (!approximate) return { y: tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)) };
  const inner = tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715), 1));
  return { y: tf.mul(x, tf.sigmoid(tf.mul(inner, 2 * Math.sqrt(2 / Math.PI)))) };
}
