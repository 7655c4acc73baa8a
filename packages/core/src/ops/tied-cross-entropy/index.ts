/**
 * Cross-entropy of a tied head: logits are products of hidden states with the rows of the embedding table. Fast
 * kernels never hold the [n, V] logits and compute both gradients while they are at it.
 */
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp } from '../define-op.js';

type Inputs = { hidden: tf.Tensor; table: tf.Tensor; labels: tf.Tensor };
type Outputs = { loss: tf.Tensor; correct: tf.Tensor };

/** The op behind {@link tiedCrossEntropy}. */
export const tiedCrossEntropyOp = defineOp<Inputs, Record<string, never>, Outputs>({
  name: 'TiedCrossEntropy',
  inputs: ['hidden', 'table', 'labels'],
  outputs: ['loss', 'correct'],
  reference({ hidden, table, labels }) {
    const logits = tf.matMul(hidden as tf.Tensor2D, table as tf.Tensor2D, false, true);
    const logProbabilities = logits.sub(tf.logSumExp(logits, -1, true));
    const loss = logProbabilities.mul(oneHot(labels, table)).sum(-1).mean().neg();
    return { loss, correct: logits.argMax(-1).equal(labels).cast('float32') };
  },
  gradient: ({ inputs: { hidden, table, labels }, grads }) =>
    tf.tidy(() => {
      const logits = tf.matMul(hidden as tf.Tensor2D, table as tf.Tensor2D, false, true);
      const scale = grads.loss.div(hidden.shape[0] as number);
      const gradient = tf.softmax(logits).sub(oneHot(labels, table)).mul(scale) as tf.Tensor2D;
      return { hidden: tf.matMul(gradient, table as tf.Tensor2D), table: tf.matMul(gradient, hidden as tf.Tensor2D, true) };
    }),
});

/** [n, V]; unlike `tf.oneHot` for a vocabulary of one, too. */
function oneHot(labels: tf.Tensor, table: tf.Tensor): tf.Tensor {
  return labels.expandDims(1).equal(tf.range(0, table.shape[0] as number, 1, 'int32')).cast('float32');
}

/**
 * Mean cross-entropy of `softmax(hidden table^T)` against the labels.
 *
 * @param hidden - [n, d], labelled positions only.
 * @param table - [V, d]
 * @param labels - int32 [n], each in [0, V).
 * @returns the mean loss in nats, and per position 1 where the largest logit is the label's (the first of equals).
 * @throws ShapeError
 */
export function tiedCrossEntropy(
  hidden: tf.Tensor2D,
  table: tf.Tensor2D,
  labels: tf.Tensor1D,
): { loss: tf.Scalar; correct: tf.Tensor1D } {
  if (
    hidden.rank !== 2 || table.rank !== 2 || labels.rank !== 1 || labels.dtype !== 'int32' ||
    hidden.shape[1] !== table.shape[1] || hidden.shape[0] !== labels.shape[0] || hidden.shape[0] === 0
  ) {
    throw new ShapeError(
      'tiedCrossEntropy: expected hidden [n, d], table [V, d] and int32 labels [n] with n > 0, got ' +
        `${formatShape(hidden.shape)}, ${formatShape(table.shape)} and ${labels.dtype} ${formatShape(labels.shape)}.`,
    );
  }
  const { loss, correct } = tiedCrossEntropyOp({ hidden, table, labels }, {});
  return { loss: loss as tf.Scalar, correct: correct as tf.Tensor1D };
}
