/** Heads as rows: [B, L, H p] <-> [B H, L, p], the layout of this package's ops, and blocks of tokens within them. */
import { tf } from '@mixerzoo/core';
import { joinHeads, splitHeads } from '@mixerzoo/core/blocks';

/** [B, L, H p] -> [B H, L, p]. */
export function headRows(x: tf.Tensor3D, nHeads: number): tf.Tensor3D {
  const [batchSize, seqLen, width] = x.shape;
  return nHeads === 1 ? x : splitHeads(x, nHeads).reshape([batchSize * nHeads, seqLen, width / nHeads]);
}

/** [B H, L, p] -> [B, L, H p]. */
export function joinHeadRows(x: tf.Tensor3D, nHeads: number): tf.Tensor3D {
  const [rows, seqLen, headDim] = x.shape;
  return nHeads === 1 ? x : joinHeads(x.reshape([rows / nHeads, nHeads, seqLen, headDim]));
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
