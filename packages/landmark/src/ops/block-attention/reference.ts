/** Block attention in plain `tf` ops: scores of the own block and of what was retrieved side by side. */
import { tf } from '@mixerzoo/core';
import { MASKED, padToBlocks } from '../../heads.js';
import { gatherUnits } from '../select-blocks/index.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export function blockAttentionReference({ q, k, v, retrieved }: Inputs, { blockSize, unit, scale }: Attrs): Outputs {
  const [rows, seqLen, headDim] = q.shape;
  const padded = Math.ceil(seqLen / blockSize) * blockSize;
  const nBlocks = padded / blockSize;
  const [qs, ks, vs] = [padToBlocks(q, blockSize), padToBlocks(k, blockSize), padToBlocks(v, blockSize)];
  const inBlocks = (x: tf.Tensor) => x.reshape([rows * nBlocks, blockSize, headDim]);

  const localScores = tf
    .matMul(inBlocks(qs), inBlocks(ks), false, true)
    .mul(scale)
    .add(causalMask(blockSize))
    .reshape<tf.Tensor2D>([rows * padded, blockSize]);
  if (!retrieved) {
    const o = tf.matMul(tf.softmax(localScores).reshape([rows * nBlocks, blockSize, blockSize]), inBlocks(vs));
    return { o: o.reshape<tf.Tensor3D>([rows, padded, headDim]).slice([0, 0, 0], [rows, seqLen, headDim]) };
  }

  const index = padToBlocks(retrieved, blockSize, -1);
  const seen = index.shape[2] * unit;
  const units = (x: tf.Tensor) => x.reshape<tf.Tensor3D>([rows, padded / unit, unit * headDim]);
  const chosen = (x: tf.Tensor) => gatherUnits(units(x), index).reshape<tf.Tensor3D>([rows * padded, seen, headDim]);
  const absent = tf
    .less(index, 0)
    .toFloat()
    .mul(MASKED)
    .reshape([rows * padded, index.shape[2], 1])
    .tile([1, 1, unit])
    .reshape([rows * padded, seen]);
  const farScores = tf
    .matMul(qs.reshape([rows * padded, 1, headDim]), chosen(ks), false, true)
    .reshape([rows * padded, seen])
    .mul(scale)
    .add<tf.Tensor2D>(absent);

  const weights = tf.softmax(tf.concat([localScores, farScores], 1));
  const [local, far] = tf.split(weights, [blockSize, seen], 1) as [tf.Tensor, tf.Tensor];
  const o = tf.add<tf.Tensor3D>(
    tf.matMul(local.reshape([rows * nBlocks, blockSize, blockSize]), inBlocks(vs)).reshape([rows, padded, headDim]),
    tf.matMul(far.reshape([rows * padded, 1, seen]), chosen(vs)).reshape([rows, padded, headDim]),
  );
  return { o: o.slice([0, 0, 0], [rows, seqLen, headDim]) };
}

/** 0 on and below the diagonal, {@link MASKED} above: [n, n]. */
function causalMask(n: number): tf.Tensor2D {
  return tf.tensor2d(
    Float32Array.from({ length: n * n }, (_, index) => (index % n <= Math.floor(index / n) ? 0 : MASKED)),
    [n, n],
  );
}
