/** Cross-entropy of a tied head on the tensorflow engine: one fused operation gives the losses and their gradient. */
import { tensorflowValue as run, tensorflowOp } from '../../engines/tensorflow-op.js';
import * as tf from '../../tf.js';
import { checked } from '../embedding/tensorflow.js';
import type { Attrs, Inputs, Outputs } from './wasm.js';

export function tiedCrossEntropyOnTensorflow({ hidden, table, labels }: Inputs, { gradients }: Attrs): Outputs {
  const logits = run('MatMul', [hidden, table], { transpose_b: { bool: true } }); // [n, V]
  const [losses, dLogits] = checked('tiedCrossEntropy: expected labels', labels, table.shape[0] as number, () =>
    tensorflowOp('SparseSoftmaxCrossEntropyWithLogits', [logits, labels], 2),
  );
  const guesses = run('ArgMax', [logits, { int: -1 }], { output_type: { type: 'int32' } });
  const correct = run('Cast', [run('Equal', [guesses, labels])], { DstT: { type: 'float32' } });
  const loss = run('Mean', [losses, { int: 0 }]);
  if (!gradients) return { loss, correct, dHidden: tf.zeros([0]), dTable: tf.zeros([0]) };
  // The mean's 1/n goes onto the small factor and product, not onto [n, V].
  const share = { float: 1 / (hidden.shape[0] as number) };
  return {
    loss,
    correct,
    dHidden: run('Mul', [run('MatMul', [dLogits, table]), share]),
    dTable: run('MatMul', [dLogits, run('Mul', [hidden, share])], { transpose_a: { bool: true } }),
  };
}
