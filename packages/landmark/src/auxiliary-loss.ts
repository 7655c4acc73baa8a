/** Parts of the training forms of Landmark CAT other than the grouped softmax. */
import { tf } from '@mixerzoo/core';
import { padToBlocks } from './heads.js';
import { additiveMask, blockOf } from './ops/grouped-attention/index.js';

/**
 * Auxiliary objective for hard training: cross-entropy of the landmark softmax against the mass that dense attention
 * puts on each earlier block, weighted by that mass; mean over queries. The target is a constant.
 * @returns a scalar; undefined for one block.
 */
export function blockMassLoss(
  { q, k, landmarks }: { q: tf.Tensor3D; k: tf.Tensor3D; landmarks: tf.Tensor3D | undefined },
  { blockSize, scale }: { blockSize: number; scale: number },
): tf.Scalar | undefined {
  if (!landmarks) return undefined;
  const [rows, seqLen] = q.shape;
  const keys = padToBlocks(k, blockSize);
  const tokens = keys.shape[1];
  const nBlocks = tokens / blockSize;
  const dense = tf.softmax(
    tf
      .matMul(q, keys, false, true)
      .mul(scale)
      .add(additiveMask(seqLen, tokens, (t, s) => s <= t)),
  );
  const isEarlier = additiveMask(seqLen, nBlocks - 1, (t, m) => m < blockOf(t, blockSize));
  const mass = dense
    .reshape([rows, seqLen, nBlocks, blockSize])
    .sum(3)
    .slice([0, 0, 0], [rows, seqLen, nBlocks - 1])
    .mul(isEarlier.equal(0).toFloat());
  const scores = tf.matMul(q, landmarks, false, true).mul(scale).add(isEarlier);
  return stopGradient(mass)
    .mul(tf.logSoftmax(scores))
    .sum<tf.Scalar>()
    .div(-rows * seqLen);
}

/** The same values; no gradient passes. */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  return tf.customGrad((input) => ({
    value: (input as tf.Tensor).clone(),
    gradFunc: (dy) => tf.zerosLike(dy as tf.Tensor),
  }))(x) as T;
}
