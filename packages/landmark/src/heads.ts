/** Heads as rows: [B, L, H p] <-> [B H, L, p], and blocks of tokens within them. */
import { tf } from '@mixerzoo/core';

/** [B, L, H p] -> [B H, L, p]. */
export function splitHeads(x: tf.Tensor, nHeads: number): tf.Tensor3D {
  const [batchSize, seqLen, width] = x.shape as [number, number, number];
  if (nHeads === 1) return x as tf.Tensor3D;
  const headDim = width / nHeads;
  return x
    .reshape([batchSize, seqLen, nHeads, headDim])
    .transpose([0, 2, 1, 3])
    .reshape([batchSize * nHeads, seqLen, headDim]);
}

/** [B H, L, p] -> [B, L, H p]. */
export function joinHeads(x: tf.Tensor3D, nHeads: number): tf.Tensor3D {
  const [rows, seqLen, headDim] = x.shape;
  if (nHeads === 1) return x;
  const batchSize = rows / nHeads;
  return x
    .reshape([batchSize, nHeads, seqLen, headDim])
    .transpose([0, 2, 1, 3])
    .reshape([batchSize, seqLen, nHeads * headDim]);
}

/** Pads the tokens of [G, L, ...] with a constant up to a multiple of the block size. */
export function padToBlocks<T extends tf.Tensor>(x: T, blockSize: number, value = 0): T {
  const missing = (blockSize - ((x.shape[1] as number) % blockSize)) % blockSize;
  if (missing === 0) return x;
  return tf.pad(
    x,
    x.shape.map((_, axis): [number, number] => [0, axis === 1 ? missing : 0]),
    value,
  ) as T;
}

/** The last row of each of the first `count` blocks: [G, L, p] -> [G, count, p]. */
export function lastOfBlocks(x: tf.Tensor3D, count: number, blockSize: number): tf.Tensor3D {
  const [rows, , headDim] = x.shape;
  return x
    .slice([0, 0, 0], [rows, count * blockSize, headDim])
    .reshape([rows, count, blockSize, headDim])
    .slice([0, 0, blockSize - 1, 0], [rows, count, 1, headDim])
    .reshape([rows, count, headDim]);
}

/** What is added to a score that takes no part in a softmax: finite, so that a masked row gives no NaN. */
export const MASKED = -1e30;
