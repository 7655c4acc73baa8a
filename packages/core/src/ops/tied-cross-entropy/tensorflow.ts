/**
 * Cross-entropy of a tied head on the tensorflow engine, from the probabilities P. TensorFlow's fused operation,
 * `SparseSoftmaxCrossEntropyWithLogits`, computes the gradient P - onehot element by element and takes longer than all the
 * rest; here the one-hot part of both products is rows: those of the table by label, and the hidden states summed by label.
 */
import { tensorflowValue as run } from '../../engines/tensorflow/op.js';
import * as tf from '../../tf.js';
import { checked } from '../embedding/tensorflow.js';
import { inChunks } from './chunks.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** A chunk of rows at a time: the logits of all are never held. */
export function tiedCrossEntropy(inputs: Inputs, attrs: Attrs): Outputs & Saved {
  return inChunks(rowsForm, inputs, attrs);
}

function rowsForm({ hidden, table, labels }: Inputs, { gradients }: Attrs, total: number): Outputs & Saved {
  const vocabulary = table.shape[0];
  const logits = run('MatMul', [hidden, table], { transpose_b: { bool: true } }); // [n, V]
  const labelLogits = checked('tiedCrossEntropy: expected labels', labels, vocabulary, () =>
    run('GatherV2', [logits, labels, { int: 1 }], { batch_dims: { int: 1 } }),
  );
  const probabilities = run('Softmax', [logits]);
  // log P of the label is that of the largest, at least log 1/V, less how far the label's logit is below it.
  const largest = run('Log', [rowMax(probabilities)]);
  const losses = run('Sub', [run('Sub', [rowMax(logits), labelLogits]), largest]);
  const guesses = run('ArgMax', [logits, { int: -1 }], { output_type: { type: 'int32' } });
  const right = run('LogicalAnd', [run('Equal', [guesses, labels]), run('Equal', [losses, losses])]); // NaN is no equal
  const correct = run<tf.Tensor1D>('Cast', [right], { DstT: { type: 'float32' } });
  // 1 / total goes onto the small factor and product, not onto [n, V].
  const share = { float: 1 / total };
  const loss = run<tf.Scalar>('Mul', [run('Sum', [losses, { int: 0 }]), share]);
  if (!gradients) return { loss, correct, dHidden: tf.zeros([0]), dTable: tf.zeros([0]) };
  const shares = run('Mul', [hidden, share]);
  const ofLabels = run('GatherV2', [table, labels, { int: 0 }]);
  return {
    loss,
    correct,
    dHidden: run('Mul', [run('Sub', [run('MatMul', [probabilities, table]), ofLabels]), share]),
    dTable: run('Sub', [
      run('MatMul', [probabilities, shares], { transpose_a: { bool: true } }),
      run('UnsortedSegmentSum', [shares, labels, { int: vocabulary }]),
    ]),
  };
}

function rowMax(x: tf.Tensor): tf.Tensor {
  return run('Max', [x, { int: -1 }]);
}
