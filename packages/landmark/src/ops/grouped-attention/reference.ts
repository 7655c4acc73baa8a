/** Grouped attention in plain `tf` ops, with dense maps [G, L, M B], for chosen blocks too. */
import { tf } from '@mixerzoo/core';
import { MASKED, padToBlocks } from '../../heads.js';
import type { Attrs, ChosenInputs, Inputs, Outputs } from './types.js';

export function groupedAttentionReference(inputs: Inputs, attrs: Attrs): Outputs {
  return attend(inputs, attrs, undefined);
}

export function chosenAttentionReference({ chosen, ...inputs }: ChosenInputs, attrs: Attrs): Outputs {
  return attend(inputs, attrs, chosen);
}

function attend({ q, k, v, landmarks }: Inputs, { blockSize, scale }: Attrs, chosen: tf.Tensor3D | undefined): Outputs {
  const [rows, seqLen] = q.shape;
  const keys = padToBlocks(k, blockSize);
  const values = padToBlocks(v, blockSize);
  const tokens = keys.shape[1];
  const nBlocks = tokens / blockSize;
  const scores = tf.matMul(q, keys, false, true).mul(scale); // [G, L, M B]
  const own = scores.add(
    additiveMask(seqLen, tokens, (t, s) => s <= t && blockOf(s, blockSize) === blockOf(t, blockSize)),
  );
  if (!landmarks) return { o: tf.matMul(tf.softmax(own), values) };

  const blockScores = tf
    .matMul(q, landmarks, false, true)
    .mul(scale)
    .add(
      chosen ? chosenMask(chosen, nBlocks - 1) : additiveMask(seqLen, nBlocks - 1, (t, m) => m < blockOf(t, blockSize)),
    );
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
  return { o: tf.matMul(ownWeights.add(spread), values) };
}

/** 0 for the blocks of a choice int32 [G, L, K], {@link MASKED} for the others: [G, L, count]. */
function chosenMask(chosen: tf.Tensor3D, count: number): tf.Tensor {
  const isChosen = tf.equal(chosen.expandDims(3), tf.range(0, count, 1, 'int32')).toFloat();
  // Multiplied before the sum: on webgpu a cast keeps its integers, which the sum's transpose takes for floats.
  return isChosen.mul(-MASKED).sum(2).add(MASKED);
}

/** The block a token is in. */
export function blockOf(token: number, blockSize: number): number {
  return Math.floor(token / blockSize);
}

/** 0 where `visible(row, column)`, {@link MASKED} elsewhere: [rows, columns]. */
export function additiveMask(
  rows: number,
  columns: number,
  visible: (row: number, column: number) => boolean,
): tf.Tensor2D {
  const values = Float32Array.from({ length: rows * columns }, (_, index) =>
    visible(Math.floor(index / columns), index % columns) ? 0 : MASKED,
  );
  return tf.tensor2d(values, [rows, columns]);
}
