/**
 * Cross-entropy of a tied head: logits are products of hidden states with the rows of the embedding table. Fast
 * kernels never hold the [n, V] logits and compute both gradients while they are at it.
 */
import { hostValues } from '../../engines/webgpu/dispatch.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp } from '../define-op.js';
import { tiedCrossEntropyOnTensorflow } from './tensorflow.js';
import { type Attrs, type Inputs, type Outputs, tiedCrossEntropyKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link tiedCrossEntropy}. */
export const tiedCrossEntropyOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'TiedCrossEntropy',
  inputs: ['hidden', 'table', 'labels'],
  integerInputs: ['labels'],
  outputs: ['loss', 'correct'],
  reference({ hidden, table, labels }, { gradients }) {
    const logits = tf.matMul(hidden as tf.Tensor2D, table as tf.Tensor2D, false, true);
    const target = oneHot(labels, table);
    const losses = logits
      .sub(tf.logSumExp(logits, -1, true))
      .mul(target)
      .sum(-1);
    const loss = losses.mean().neg();
    const right = logits.argMax(-1).equal(labels).logicalAnd(losses.isNaN().logicalNot());
    const correct = right.cast('float32');
    if (!gradients) return { loss, correct, dHidden: tf.zeros([0]), dTable: tf.zeros([0]) };
    const dLogits = tf
      .softmax(logits)
      .sub(target)
      .div(hidden.shape[0] as number) as tf.Tensor2D;
    return {
      loss,
      correct,
      dHidden: tf.matMul(dLogits, table as tf.Tensor2D),
      dTable: tf.matMul(dLogits, hidden as tf.Tensor2D, true),
    };
  },
  gradientOutputs: ['dHidden', 'dTable'],
  gradient: ({ outputs: { dHidden, dTable }, grads }) => ({
    hidden: scaled(dHidden, grads.loss),
    table: scaled(dTable, grads.loss),
  }),
  kernels: {
    tensorflow: tiedCrossEntropyOnTensorflow,
    wasm: tiedCrossEntropyKernel,
    webgpu: webgpu.tiedCrossEntropyKernel,
  },
});

/** A GPU is spared a pass over [V, d] where the factor is the 1 that differentiation starts from, still on the host. */
function scaled(x: tf.Tensor, factor: tf.Tensor): tf.Tensor {
  return tf.getBackend() === 'webgpu' && hostValues(factor)?.[0] === 1 ? x.clone() : x.mul(factor);
}

/** [n, V]; unlike `tf.oneHot` for a vocabulary of one, too. */
function oneHot(labels: tf.Tensor, table: tf.Tensor): tf.Tensor {
  return labels
    .expandDims(1)
    .equal(tf.range(0, table.shape[0] as number, 1, 'int32'))
    .cast('float32');
}

/**
 * Mean cross-entropy of `softmax(hidden table^T)` against the labels.
 *
 * @param hidden - [n, d], labelled positions only.
 * @param table - [V, d]
 * @param labels - int32 [n], each in [0, V).
 * @returns the mean loss in nats, and per position 1 where the largest logit is the label's (the first of equals); 0 where a
 *   logit is not a number.
 * @throws ShapeError, for a label outside too.
 */
export function tiedCrossEntropy(
  hidden: tf.Tensor2D,
  table: tf.Tensor2D,
  labels: tf.Tensor1D,
): { loss: tf.Scalar; correct: tf.Tensor1D } {
  if (
    hidden.rank !== 2 ||
    table.rank !== 2 ||
    labels.rank !== 1 ||
    labels.dtype !== 'int32' ||
    hidden.shape[1] !== table.shape[1] ||
    hidden.shape[0] !== labels.shape[0] ||
    hidden.shape[0] === 0
  ) {
    throw new ShapeError(
      'tiedCrossEntropy: expected hidden [n, d], table [V, d] and int32 labels [n] with n > 0, got ' +
        `${formatShape(hidden.shape)}, ${formatShape(table.shape)} and ${labels.dtype} ${formatShape(labels.shape)}.`,
    );
  }
  const { loss, correct } = tiedCrossEntropyOp(
    { hidden, table, labels },
    { gradients: tf.engine().state.gradientDepth > 0 },
  );
  return { loss: loss as tf.Scalar, correct: correct as tf.Tensor1D };
}
