/**
 * The long convolution in plain `tf` ops: the matrix of the filter, F[t, s] = filter[t - s], in blocks of BLOCK tokens. It has one
 * block for every distance between blocks, so that memory grows with the length and not with its square.
 */
import { tf } from '@mixerzoo/core';
import type { Inputs, Outputs } from './types.js';

const BLOCK = 16;

export function longConvolutionReference({ x, filter }: Inputs): Outputs {
  const [batch, length, width] = x.shape;
  const size = Math.min(length, BLOCK);
  const blocks = Math.ceil(length / size);
  const missing = blocks * size - length;
  const matrices = matricesOf(filter, size, blocks); // [blocks, d, size, size]
  // A block's tokens are rows, blocks and sequences are columns: [d, size, blocks B].
  const columns = tf
    .pad(x, [
      [0, 0],
      [0, missing],
      [0, 0],
    ])
    .reshape([batch, blocks, size, width])
    .transpose([3, 2, 1, 0])
    .reshape<tf.Tensor3D>([width, size, blocks * batch]);
  const terms = Array.from({ length: blocks }, (_, distance) => {
    const matrix = matrices.slice([distance, 0, 0, 0], [1, -1, -1, -1]).reshape<tf.Tensor3D>([width, size, size]);
    const earlier = columns.slice([0, 0, 0], [-1, -1, (blocks - distance) * batch]);
    return tf.matMul<tf.Tensor3D>(matrix, earlier).pad([
      [0, 0],
      [0, 0],
      [distance * batch, 0],
    ]);
  });
  const y = tf.addN(terms).reshape([width, size, blocks, batch]).transpose([3, 2, 1, 0]);
  return { y: y.reshape<tf.Tensor3D>([batch, blocks * size, width]).slice([0, 0, 0], [-1, length, -1]) };
}

/** For every distance m between blocks the matrix F[r, i] = filter[m size + r - i], 0 for negative delays: [blocks, d, size, size]. */
function matricesOf(filter: tf.Tensor2D, size: number, blocks: number): tf.Tensor4D {
  const [length, width] = filter.shape;
  // Delays from the last to -size: of a row r, all distances and columns lie side by side, the largest distance first.
  const turned = tf.reverse(
    tf.pad(filter, [
      [size, blocks * size - length],
      [0, 0],
    ]),
    0,
  );
  const rows = Array.from({ length: size }, (_, r) =>
    turned.slice([size - 1 - r, 0], [blocks * size, width]).reshape([blocks, size, width]),
  );
  return tf.reverse(tf.stack(rows, 1), 0).transpose<tf.Tensor4D>([0, 3, 1, 2]);
}
