/** The decayed sum in plain `tf` ops: what every kernel is held to, and what gradients come from. */
import { tf } from '@mixerzoo/core';
import type { Inputs, Outputs } from './types.js';

export function decayedSumReference({ x, decay }: Inputs): Outputs {
  const [first, ...rest] = tf.unstack(x, 1) as [tf.Tensor, ...tf.Tensor[]];
  const sums = [first];
  for (const token of rest) sums.push(tf.add(tf.mul(sums.at(-1) as tf.Tensor, decay), token));
  return { y: tf.stack(sums, 1) as tf.Tensor3D };
}
