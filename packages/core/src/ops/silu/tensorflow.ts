/** SiLU and its gradient on the tensorflow engine: `dx = dy s + dy x s (1 - s)` with s the sigmoid of x. */
import { tensorflowValue as run } from '../../engines/tensorflow/op.js';
import type * as tf from '../../tf.js';

export function siluOnTensorflow({ x }: { x: tf.Tensor }): { y: tf.Tensor } {
  return { y: run('Mul', [x, run('Sigmoid', [x])]) };
}

export function siluGradOnTensorflow({ x, dy }: { x: tf.Tensor; dy: tf.Tensor }): { dx: tf.Tensor } {
  const sigmoid = run('Sigmoid', [x]);
  return { dx: run('AddV2', [run('Mul', [dy, sigmoid]), run('SigmoidGrad', [sigmoid, run('Mul', [dy, x])])]) };
}
