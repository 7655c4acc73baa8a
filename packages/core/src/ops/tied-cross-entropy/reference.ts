/** The cross-entropy of a tied head in plain `tf` ops. */
import * as tf from '../../tf.js';
import { inChunks } from './chunks.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** A chunk of rows at a time: the logits of all are never held. */
export function tiedCrossEntropyReference(inputs: Inputs, attrs: Attrs): Outputs & Saved {
  return inChunks(referenceRows, inputs, attrs);
}

export function referenceRows({ hidden, table, labels }: Inputs, { gradients }: Attrs, total: number): Outputs & Saved {
  const logits = tf.matMul(hidden, table, false, true);
  const target = oneHot(labels, table);
  const losses = logits
    .sub(tf.logSumExp(logits, -1, true))
    .mul(target)
    .sum(-1);
  const loss = losses.sum<tf.Scalar>().div<tf.Scalar>(-total);
  const right = logits.argMax(-1).equal(labels).logicalAnd(losses.isNaN().logicalNot());
  const correct = right.cast<tf.Tensor1D>('float32');
  if (!gradients) return { loss, correct, dHidden: tf.zeros([0]), dTable: tf.zeros([0]) };
  const dLogits = tf.softmax(logits).sub(target).div<tf.Tensor2D>(total);
  return {
    loss,
    correct,
    dHidden: tf.matMul(dLogits, table),
    dTable: tf.matMul(dLogits, hidden, true),
  };
}

/** [n, V]; unlike `tf.oneHot` for a vocabulary of one, too. */
function oneHot(labels: tf.Tensor1D, table: tf.Tensor2D): tf.Tensor {
  return labels
    .expandDims(1)
    .equal(tf.range(0, table.shape[0], 1, 'int32'))
    .cast('float32');
}
