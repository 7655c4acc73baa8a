/** Affine map of the last axis, `y = x W + b`: the projections of every mixer. */
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp, type Op, referenceGradient } from '../define-op.js';
import { linearGradOnTensorflow, linearOnTensorflow } from './tensorflow.js';
import { type GradInputs, type GradOutputs, type Inputs, linearGradKernel, linearKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

/** Weight [k, n] and an optional bias [n]. */
export interface LinearParams {
  readonly weight: tf.Tensor;
  readonly bias?: tf.Tensor;
}

type None = Record<string, never>;

/** The op behind {@link linear}. */
export const linearOp: Op<Inputs, None, { y: tf.Tensor }> = defineOp<Inputs, None, { y: tf.Tensor }>({
  name: 'Linear',
  inputs: ['x', 'weight', 'bias'],
  outputs: ['y'],
  reference({ x, weight, bias }) {
    const [k, n] = weight.shape as [number, number];
    const product = tf.matMul(x.reshape([-1, k]) as tf.Tensor2D, weight as tf.Tensor2D);
    const y = bias ? product.add(bias) : product;
    return { y: y.reshape([...x.shape.slice(0, -1), n]) };
  },
  gradient({ inputs, grads }) {
    const { dx, dWeight, dBias } = linearGradOp({ ...inputs, dy: grads.y }, {});
    return inputs.bias ? { x: dx, weight: dWeight, bias: dBias } : { x: dx, weight: dWeight };
  },
  kernels: { tensorflow: linearOnTensorflow, wasm: linearKernel, webgpu: webgpu.linearKernel },
});

/** The gradient of {@link linearOp}; without a bias, `dBias` is empty. */
const linearGradOp = defineOp<GradInputs, None, GradOutputs>({
  name: 'LinearGrad',
  inputs: ['x', 'weight', 'bias', 'dy'],
  outputs: ['dx', 'dWeight', 'dBias'],
  reference({ dy, ...inputs }) {
    const { x, weight, bias } = referenceGradient(linearOp.definition, inputs, { y: dy }, {});
    return { dx: x as tf.Tensor, dWeight: weight as tf.Tensor, dBias: bias ?? tf.zeros([0]) };
  },
  gradient: 'none',
  kernels: { tensorflow: linearGradOnTensorflow, wasm: linearGradKernel, webgpu: webgpu.linearGradKernel },
});

/**
 * `x W + b` over the last axis.
 *
 * @param x - [..., k], rank 2 or more.
 * @returns [..., n]
 * @throws ShapeError if the last axis of x does not match the weight, or the bias its columns.
 */
export function linear<T extends tf.Tensor>(x: T, { weight, bias }: LinearParams): T {
  const [k, n] = weight.shape;
  if (weight.rank !== 2 || x.rank < 2 || x.shape.at(-1) !== k) {
    throw new ShapeError(
      `linear: expected x [..., k] and weight [k, n], got ${formatShape(x.shape)} and ${formatShape(weight.shape)}.`,
    );
  }
  if (bias && (bias.rank !== 1 || bias.shape[0] !== n)) {
    throw new ShapeError(`linear: expected bias [${n}], got ${formatShape(bias.shape)}.`);
  }
  return linearOp({ x, weight, bias }, {}).y as T;
}
