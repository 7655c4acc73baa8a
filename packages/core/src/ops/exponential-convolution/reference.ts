/** The convolution with exponentials in plain `tf` ops: the recurrence, token by token. */
import * as tf from '../../tf.js';
import type { Inputs, Outputs } from './types.js';

export function convolveReference({ x, decay, weight }: Inputs): Outputs {
  const [batch, length, width] = x.shape;
  const [a, w] = [perColumn(width, decay), perColumn(width, weight)];
  const outputs: tf.Tensor[] = [];
  let h: tf.Tensor = tf.zeros([batch, width, decay.shape[1]]);
  for (let t = 0; t < length; t += 1) {
    h = h.mul(a).add(x.slice([0, t, 0], [batch, 1, width]).reshape([batch, width, 1]));
    outputs.push(h.mul(w).sum(-1));
  }
  return { y: length > 0 ? (tf.stack(outputs, 1) as tf.Tensor3D) : x.clone() };
}

/** [C, N] -> [d, N]: every column its group's row. */
export function perColumn(width: number, table: tf.Tensor2D): tf.Tensor2D {
  const [groups, dState] = table.shape;
  return tf.tile(table.expandDims(1), [1, width / groups, 1]).reshape([width, dState]);
}
