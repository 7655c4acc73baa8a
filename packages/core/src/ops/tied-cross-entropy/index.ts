/**
 * Cross-entropy of a tied head: logits are products of hidden states with the rows of the embedding table. Fast
 * kernels never hold the [n, V] logits and compute both gradients while they are at it.
 */
import { hostValues } from '../../engines/webgpu/dispatch.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp } from '../define-op.js';
import { tiedCrossEntropyReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link tiedCrossEntropy}. */
export const tiedCrossEntropyOp = defineOp<Inputs, Attrs, Outputs, Saved>({
  name: 'TiedCrossEntropy',
  inputs: ['hidden', 'table', 'labels'],
  integerInputs: ['labels'],
  outputs: ['loss', 'correct'],
  saved: ['dHidden', 'dTable'],
  reference: tiedCrossEntropyReference,
  kernels: {
    tensorflow: tensorflow.tiedCrossEntropy,
    wasm: wasm.tiedCrossEntropy,
    webgpu: webgpu.tiedCrossEntropy,
  },
  gradient: ({ dHidden, dTable, dLoss }) => ({
    hidden: scaled(dHidden, dLoss),
    table: scaled(dTable, dLoss),
    labels: null,
  }),
});

/**
 * A pass over [V, d] is spared where the factor is the 1 that differentiation starts from, and to look at it costs nothing: on
 * the heap, or still on the host.
 */
function scaled<T extends tf.Tensor>(x: tf.Tensor, factor: tf.Scalar): T {
  const backend = tf.getBackend();
  const values = backend === 'wasm' ? factor.dataSync() : backend === 'webgpu' ? hostValues(factor) : undefined;
  return values?.[0] === 1 ? (x.clone() as T) : x.mul(factor);
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
  return tiedCrossEntropyOp({ hidden, table, labels }, { gradients: tf.engine().state.gradientDepth > 0 });
}
