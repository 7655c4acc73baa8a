/** The recurrent state of the depthwise convolution: its last W - 1 inputs, oldest first. */
import { tf } from '@mixerzoo/core';

/** The cache [B, W - 1, E] after the inputs [B, L, E], with zeros for tokens before the first. */
export function convolutionCache(inputs: tf.Tensor3D, taps: number): tf.Tensor3D {
  const [batch, length, width] = inputs.shape;
  const rows = taps - 1;
  if (rows === 0) return tf.zeros([batch, 0, width]);
  const missing = Math.max(0, rows - length);
  const known = tf.slice3d(inputs, [0, Math.max(0, length - rows), 0], [-1, -1, -1]);
  return missing === 0 ? known : tf.concat([tf.zeros<tf.Rank.R3>([batch, missing, width]), known], 1);
}
