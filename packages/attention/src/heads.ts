/** Heads own contiguous columns: between rows of all heads and a tensor per head. */
import type { tf } from '@mixerzoo/core';

/** [B, L, H p] -> [B, H, L, p]. */
export function splitHeads(x: tf.Tensor, nHeads: number): tf.Tensor4D {
  const [batch, length, width] = x.shape as [number, number, number];
  return x.reshape([batch, length, nHeads, width / nHeads]).transpose([0, 2, 1, 3]);
}

/** [B, H, L, p] -> [B, L, H p]. */
export function joinHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, nHeads, length, headDim] = x.shape;
  return x.transpose([0, 2, 1, 3]).reshape([batch, length, nHeads * headDim]);
}
