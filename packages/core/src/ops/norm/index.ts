/**
 * Layer normalisation (Ba et al. 2016) and root-mean-square normalisation (Zhang and Sennrich 2019) of the last axis.
 */
import { ShapeError } from '../../errors.js';
import type * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp } from '../define-op.js';
import { layerNormReference, rmsNormReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { Attrs, LayerNormInputs, Outputs, RmsNormInputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

export interface LayerNormParams {
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor;
}

export interface RmsNormParams {
  readonly weight?: tf.Tensor;
}

/** The op behind {@link layerNorm}. */
export const layerNormOp = defineOp<LayerNormInputs, Attrs, Outputs>({
  name: 'LayerNorm',
  inputs: ['x', 'weight', 'bias'],
  outputs: ['y'],
  reference: layerNormReference,
  kernels: { tensorflow: tensorflow.layerNorm, wasm: wasm.layerNorm, webgpu: webgpu.layerNorm },
  gradient: {
    kernels: {
      tensorflow: tensorflow.layerNormGradient,
      wasm: wasm.layerNormGradient,
      webgpu: webgpu.layerNormGradient,
    },
  },
});

/** The op behind {@link rmsNorm}. */
export const rmsNormOp = defineOp<RmsNormInputs, Attrs, Outputs>({
  name: 'RmsNorm',
  inputs: ['x', 'weight'],
  outputs: ['y'],
  reference: rmsNormReference,
  kernels: { tensorflow: tensorflow.rmsNorm, wasm: wasm.rmsNorm, webgpu: webgpu.rmsNorm },
  gradient: {
    kernels: { tensorflow: tensorflow.rmsNormGradient, wasm: wasm.rmsNormGradient, webgpu: webgpu.rmsNormGradient },
  },
});

/**
 * `(x - mean) / sqrt(var + eps) * weight + bias` over the last axis.
 *
 * @param x - [..., d], rank 2 or more.
 * @throws ShapeError if weight or bias is not [d].
 */
export function layerNorm<T extends tf.Tensor>(x: T, { weight, bias }: LayerNormParams, eps = 1e-5): T {
  assertVector('layerNorm', x, weight, 'weight');
  assertVector('layerNorm', x, bias, 'bias');
  return layerNormOp({ x, weight, bias }, { eps }).y as T;
}

/**
 * `x / sqrt(mean(x^2) + eps) * weight` over the last axis.
 *
 * @param x - [..., d], rank 2 or more.
 * @throws ShapeError if weight is not [d].
 */
export function rmsNorm<T extends tf.Tensor>(x: T, { weight }: RmsNormParams = {}, eps = 1e-5): T {
  if (weight) assertVector('rmsNorm', x, weight, 'weight');
  return rmsNormOp({ x, weight }, { eps }).y as T;
}

function assertVector(where: string, x: tf.Tensor, vector: tf.Tensor, name: string): void {
  const width = x.shape.at(-1);
  if (x.rank < 2 || vector.rank !== 1 || vector.shape[0] !== width) {
    throw new ShapeError(
      `${where}: expected x [..., d] and ${name} [d], got ${formatShape(x.shape)} and ${formatShape(vector.shape)}.`,
    );
  }
}
