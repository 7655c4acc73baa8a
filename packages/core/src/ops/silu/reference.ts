/** The SiLU in plain `tf` ops. */
import * as tf from '../../tf.js';
import type { Inputs, Outputs } from './types.js';

export function siluReference({ x }: Inputs): Outputs {
  return { y: x.mul(tf.sigmoid(x)) };
}
