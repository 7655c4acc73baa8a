/**
 * Layer normalisation (Ba et al. 2016) and root-mean-square normalisation (Zhang and Sennrich 2019) of the last axis.
 */
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp, type Op, referenceGradient } from '../define-op.js';
import {
  layerNormGradOnTensorflow,
  layerNormOnTensorflow,
  rmsNormGradOnTensorflow,
  rmsNormOnTensorflow,
} from './tensorflow.js';
import {
  type Attrs,
  type LayerNormInputs,
  layerNormGradKernel,
  layerNormKernel,
  type NormGradients,
  type RmsNormInputs,
  rmsNormGradKernel,
  rmsNormKernel,
} from './wasm.js';
import * as webgpu from './webgpu.js';

export interface LayerNormParams {
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor;
}

export interface RmsNormParams {
  readonly weight?: tf.Tensor;
}

/** The op behind {@link layerNorm}. */
export const layerNormOp: Op<LayerNormInputs, Attrs, { y: tf.Tensor }> = defineOp<
  LayerNormInputs,
  Attrs,
  { y: tf.Tensor }
>({
  name: 'LayerNorm',
  inputs: ['x', 'weight', 'bias'],
  outputs: ['y'],
  reference({ x, weight, bias }, { eps }) {
    const centred = x.sub(x.mean(-1, true));
    const scale = centred.square().mean(-1, true).add(eps).rsqrt();
    return { y: centred.mul(scale).mul(weight).add(bias) };
  },
  gradient({ inputs, grads, attrs }) {
    const { dx, dWeight, dBias } = layerNormGradOp({ ...inputs, dy: grads.y }, attrs);
    return { x: dx, weight: dWeight, bias: dBias };
  },
  kernels: { tensorflow: layerNormOnTensorflow, wasm: layerNormKernel, webgpu: webgpu.layerNormKernel },
});

const layerNormGradOp = defineOp<LayerNormInputs & { dy: tf.Tensor }, Attrs, NormGradients>({
  name: 'LayerNormGrad',
  inputs: ['x', 'weight', 'bias', 'dy'],
  outputs: ['dx', 'dWeight', 'dBias'],
  reference({ dy, ...inputs }, attrs) {
    const { x, weight, bias } = referenceGradient(layerNormOp.definition, inputs, { y: dy }, attrs);
    return { dx: x as tf.Tensor, dWeight: weight as tf.Tensor, dBias: bias as tf.Tensor };
  },
  gradient: 'none',
  kernels: { tensorflow: layerNormGradOnTensorflow, wasm: layerNormGradKernel, webgpu: webgpu.layerNormGradKernel },
});

/** The op behind {@link rmsNorm}. */
export const rmsNormOp: Op<RmsNormInputs, Attrs, { y: tf.Tensor }> = defineOp<RmsNormInputs, Attrs, { y: tf.Tensor }>({
  name: 'RmsNorm',
  inputs: ['x', 'weight'],
  outputs: ['y'],
  reference({ x, weight }, { eps }) {
    const normed = x.mul(x.square().mean(-1, true).add(eps).rsqrt());
    return { y: weight ? normed.mul(weight) : normed };
  },
  gradient({ inputs, grads, attrs }) {
    const { dx, dWeight } = rmsNormGradOp({ ...inputs, dy: grads.y }, attrs);
    return inputs.weight ? { x: dx, weight: dWeight } : { x: dx };
  },
  kernels: { tensorflow: rmsNormOnTensorflow, wasm: rmsNormKernel, webgpu: webgpu.rmsNormKernel },
});

const rmsNormGradOp = defineOp<RmsNormInputs & { dy: tf.Tensor }, Attrs, NormGradients>({
  name: 'RmsNormGrad',
  inputs: ['x', 'weight', 'dy'],
  outputs: ['dx', 'dWeight', 'dBias'],
  reference({ dy, ...inputs }, attrs) {
    const { x, weight } = referenceGradient(rmsNormOp.definition, inputs, { y: dy }, attrs);
    return { dx: x as tf.Tensor, dWeight: weight ?? tf.zeros([0]), dBias: tf.zeros([0]) };
  },
  gradient: 'none',
  kernels: { tensorflow: rmsNormGradOnTensorflow, wasm: rmsNormGradKernel, webgpu: webgpu.rmsNormGradKernel },
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
