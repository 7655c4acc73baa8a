/** What reference forms of chunkwise scans are made of: a chunk is C tokens of a head of a sequence. */
import * as tf from '../tf.js';

/** [B, L, H w] -> [B H chunks, C, w], zeros after the last token: they leave the state as it is. */
export function chunkRows(x: tf.Tensor3D, nHeads: number, chunkSize: number): tf.Tensor3D {
  const [batch, length, width] = x.shape;
  const chunks = Math.ceil(length / chunkSize);
  return x
    .pad([
      [0, 0],
      [0, chunks * chunkSize - length],
      [0, 0],
    ])
    .reshape([batch, chunks, chunkSize, nHeads, width / nHeads])
    .transpose([0, 3, 1, 2, 4])
    .reshape([batch * nHeads * chunks, chunkSize, width / nHeads]);
}

/**
 * Forward substitution: X with `x_t + sum_{i < t} matrix_ti x_i = right_t`. What a matrix [m, C, C] holds on the diagonal and above does
 * not count; right, X [m, C, w].
 */
export function substituteForward(matrix: tf.Tensor3D, right: tf.Tensor3D): tf.Tensor3D {
  const solved: tf.Tensor3D[] = [];
  for (const [t, row] of tf.unstack(right, 1).entries()) {
    const own = row.expandDims<tf.Tensor3D>(1); // [m, 1, w]
    solved.push(t === 0 ? own : own.sub(tf.matMul(matrix.slice([0, t, 0], [-1, 1, t]), tf.concat3d(solved, 1))));
  }
  return tf.concat3d(solved, 1);
}
