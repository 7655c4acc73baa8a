/** Keys and values that several heads of queries share, once for each of them. */
import type { tf } from '@mixerzoo/core';

/**
 * Every head `times` in a row: heads 0 1 become 0 0 1 1.
 * @param x - [B, L, nHeads p]
 * @returns [B, L, nHeads times p]; x itself where `times` is 1.
 */
export function repeatHeads(x: tf.Tensor3D, nHeads: number, times: number): tf.Tensor3D {
  if (times === 1) return x;
  const [batch, length, width] = x.shape;
  const rows = x.reshape<tf.Tensor3D>([batch * length * nHeads, 1, width / nHeads]);
  return rows.tile([1, times, 1]).reshape([batch, length, width * times]);
}
