/**
 * The differentiable forms in which Landmark CAT is trained.
 *
 * Grouped softmax (Mohtashami and Jaggi 2023): one softmax over the causal tokens of the query's own block and a landmark
 * score per earlier block; a block's probability is spread over its tokens by the softmax of their scores. Dense, O(L^2 p).
 */
import { tf } from '@mixerzoo/core';
import { MASKED, padToBlocks } from './heads.js';

interface Grouped {
  readonly q: tf.Tensor3D;
  readonly k: tf.Tensor3D;
  readonly v: tf.Tensor3D;
  /** [G, M, p], the filtered key at the last token of each block that an own block follows; absent for one block. */
  readonly landmarks: tf.Tensor3D | undefined;
}

/**
 * Grouped-softmax attention.
 * @returns [G, L, p]
 */
export function groupedAttention({ q, k, v, landmarks }: Grouped, blockSize: number, scale: number): tf.Tensor3D {
  const [rows, seqLen] = q.shape;
  const keys = padToBlocks(k, blockSize);
  const values = padToBlocks(v, blockSize);
  const tokens = keys.shape[1];
  const nBlocks = tokens / blockSize;
  const scores = tf.matMul(q, keys, false, true).mul(scale); // [G, L, M B]
  const own = scores.add(mask(seqLen, tokens, (t, s) => s <= t && blockOf(s, blockSize) === blockOf(t, blockSize)));
  if (!landmarks) return tf.matMul(tf.softmax(own), values) as tf.Tensor3D;

  const blockScores = tf
    .matMul(q, landmarks, false, true)
    .mul(scale)
    .add(mask(seqLen, nBlocks - 1, (t, m) => m < blockOf(t, blockSize)));
  const joint = tf.softmax(tf.concat([own, blockScores], 2));
  const [ownWeights, blockWeights] = tf.split(joint, [tokens, nBlocks - 1], 2) as [tf.Tensor, tf.Tensor];
  const within = tf.softmax(scores.reshape([rows, seqLen, nBlocks, blockSize]));
  const spread = tf
    .pad(blockWeights, [
      [0, 0],
      [0, 0],
      [0, 1],
    ])
    .expandDims(3)
    .tile([1, 1, 1, blockSize])
    .mul(within)
    .reshape([rows, seqLen, tokens]);
  return tf.matMul(ownWeights.add(spread), values) as tf.Tensor3D;
}

/**
 * Auxiliary objective for hard training: cross-entropy of the landmark softmax against the mass that dense attention
 * puts on each earlier block, weighted by that mass; mean over queries. The target is a constant.
 * @returns a scalar; undefined for one block.
 */
export function blockMassLoss({ q, k, landmarks }: Grouped, blockSize: number, scale: number): tf.Scalar | undefined {
  if (!landmarks) return undefined;
  const [rows, seqLen] = q.shape;
  const keys = padToBlocks(k, blockSize);
  const tokens = keys.shape[1];
  const nBlocks = tokens / blockSize;
  const dense = tf.softmax(
    tf
      .matMul(q, keys, false, true)
      .mul(scale)
      .add(mask(seqLen, tokens, (t, s) => s <= t)),
  );
  const isEarlier = mask(seqLen, nBlocks - 1, (t, m) => m < blockOf(t, blockSize));
  const mass = dense
    .reshape([rows, seqLen, nBlocks, blockSize])
    .sum(3)
    .slice([0, 0, 0], [rows, seqLen, nBlocks - 1])
    .mul(isEarlier.equal(0).toFloat());
  const scores = tf.matMul(q, landmarks, false, true).mul(scale).add(isEarlier);
  return stopGradient(mass)
    .mul(tf.logSoftmax(scores))
    .sum()
    .div(-rows * seqLen) as tf.Scalar;
}

/** The same values; no gradient passes. */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  return tf.customGrad((input) => ({
    value: (input as tf.Tensor).clone(),
    gradFunc: (dy) => tf.zerosLike(dy as tf.Tensor),
  }))(x) as T;
}

function blockOf(token: number, blockSize: number): number {
  return Math.floor(token / blockSize);
}

/** 0 where `visible(row, column)`, {@link MASKED} elsewhere: [rows, columns]. */
function mask(rows: number, columns: number, visible: (row: number, column: number) => boolean): tf.Tensor2D {
  const values = Float32Array.from({ length: rows * columns }, (_, index) =>
    visible(Math.floor(index / columns), index % columns) ? 0 : MASKED,
  );
  return tf.tensor2d(values, [rows, columns]);
}
