/** Affine map and its gradient on the tensorflow engine: rows of any rank as one matrix. */
import { dims } from '../../dims.js';
import { tensorflowValue as run } from '../../engines/tensorflow/op.js';
import type * as tf from '../../tf.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import type { Inputs, Outputs } from './types.js';

export function linear({ x, weight, bias }: Inputs): Outputs {
  const product = run('MatMul', [asRows(x), weight]);
  const y = bias ? run('BiasAdd', [product, bias]) : product;
  return { y: reshaped(y, [...x.shape.slice(0, -1), dims(weight, 2)[1]]) };
}

export function linearGradient({ x, weight, bias, dY }: GradientInputs<Inputs, Outputs>): Gradients<Inputs> {
  const rows = asRows(dY);
  return {
    x: reshaped(run('MatMul', [rows, weight], { transpose_b: { bool: true } }), x.shape),
    weight: run('MatMul', [asRows(x), rows], { transpose_a: { bool: true } }),
    bias: bias && run('BiasAddGrad', [rows]),
  };
}

/** [..., k] -> [rows, k] */
function asRows(x: tf.Tensor): tf.Tensor {
  return x.rank === 2 ? x : run('Reshape', [x, { ints: [-1, x.shape.at(-1) as number] }]);
}

function reshaped(x: tf.Tensor, shape: readonly number[]): tf.Tensor {
  return shape.length === x.rank ? x : run('Reshape', [x, { ints: shape }]);
}
