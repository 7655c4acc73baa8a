/** Cross-entropy of a tied head on the tensorflow engine: one fused operation gives the losses and their gradient. */
import { tensorflowOp } from '../../engines/tensorflow-op.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import type { Attrs, Inputs, Outputs } from './wasm.js';

export function tiedCrossEntropyOnTensorflow({ hidden, table, labels }: Inputs, { gradients }: Attrs): Outputs {
  const logits = tf.matMul(hidden as tf.Tensor2D, table as tf.Tensor2D, false, true); // [n, V]
  const [losses, dLogits] = sparseSoftmaxCrossEntropy(logits, labels);
  const correct = logits.argMax(-1).equal(labels).cast('float32');
  const loss = losses.mean();
  if (!gradients) return { loss, correct, dHidden: tf.zeros([0]), dTable: tf.zeros([0]) };
  // The mean's 1/n goes onto the small factor and product, not onto [n, V].
  const share = 1 / (hidden.shape[0] as number);
  return {
    loss,
    correct,
    dHidden: tf.matMul(dLogits, table as tf.Tensor2D).mul(share),
    dTable: tf.matMul(dLogits, hidden.mul(share) as tf.Tensor2D, true),
  };
}

/** @returns the losses [n] and their gradients with respect to the logits [n, V]. */
function sparseSoftmaxCrossEntropy(logits: tf.Tensor, labels: tf.Tensor): [tf.Tensor1D, tf.Tensor2D] {
  try {
    return tensorflowOp('SparseSoftmaxCrossEntropyWithLogits', [logits, labels], 2, {
      T: { type: 'float32' },
      Tlabels: { type: 'int32' },
    }) as [tf.Tensor1D, tf.Tensor2D];
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new ShapeError(`tiedCrossEntropy: expected labels in [0, ${logits.shape[1]}), got others (${reason}).`);
  }
}
