/** Setting a row in plain `tf` ops: a copy. */
import * as tf from '../../tf.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export function setRowReference({ x, row }: Inputs, { at }: Attrs): Outputs {
  const rows = x.shape[1];
  const parts = [tf.slice(x, [0, 0, 0], [-1, at, -1]), row.expandDims<tf.Tensor3D>(1)];
  if (at + 1 < rows) parts.push(tf.slice(x, [0, at + 1, 0]));
  return { y: tf.concat(at > 0 ? parts : parts.slice(1), 1) };
}
