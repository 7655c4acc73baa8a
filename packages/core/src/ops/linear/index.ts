/** Affine map of the last axis, `y = x W + b`: the projections of every mixer. */
import { ShapeError } from '../../errors.js';
import type * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp } from '../define-op.js';
import { linearReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** Weight [k, n] and an optional bias [n]. */
export interface LinearParams {
  readonly weight: tf.Tensor;
  readonly bias?: tf.Tensor;
}

/** The op behind {@link linear}. */
export const linearOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'Linear',
  inputs: ['x', 'weight', 'bias'],
  outputs: ['y'],
  reference: linearReference,
  kernels: { tensorflow: tensorflow.linear, wasm: wasm.linear, webgpu: webgpu.linear },
  gradient: {
    kernels: { tensorflow: tensorflow.linearGradient, wasm: wasm.linearGradient, webgpu: webgpu.linearGradient },
  },
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
