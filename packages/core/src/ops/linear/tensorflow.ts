/** Affine map and its gradient on the tensorflow engine: rows of any rank as one matrix. */
import { tensorflowValue as run } from '../../engines/tensorflow/op.js';
import * as tf from '../../tf.js';
import type { GradInputs, GradOutputs, Inputs } from './wasm.js';

export function linearOnTensorflow({ x, weight, bias }: Inputs): { y: tf.Tensor } {
  const product = run('MatMul', [asRows(x), weight]);
  const y = bias ? run('BiasAdd', [product, bias]) : product;
  return { y: reshaped(y, [...x.shape.slice(0, -1), weight.shape[1] as number]) };
}

export function linearGradOnTensorflow({ x, weight, bias, dy }: GradInputs): GradOutputs {
  const rows = asRows(dy);
  return {
    dx: reshaped(run('MatMul', [rows, weight], { transpose_b: { bool: true } }), x.shape),
    dWeight: run('MatMul', [asRows(x), rows], { transpose_a: { bool: true } }),
    dBias: bias ? run('BiasAddGrad', [rows]) : tf.zeros([0]),
  };
}

/** [..., k] -> [rows, k] */
function asRows(x: tf.Tensor): tf.Tensor {
  return x.rank === 2 ? x : run('Reshape', [x, { ints: [-1, x.shape.at(-1) as number] }]);
}

function reshaped(x: tf.Tensor, shape: readonly number[]): tf.Tensor {
  return shape.length === x.rank ? x : run('Reshape', [x, { ints: shape }]);
}
