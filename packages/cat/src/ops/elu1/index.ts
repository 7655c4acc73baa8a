/**
 * The feature map `elu(x) + 1` (Katharopoulos et al. 2020) as `max(x, 0) + exp(min(x, 0))`, which keeps its relative
 * accuracy where it is small. Its derivative is `min(elu(x) + 1, 1)`.
 */
import { defineOp, type tf } from '@mixerzoo/core';
import { elu1GradientKernel, elu1Kernel } from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link elu1}. */
export const elu1Op = defineOp<{ x: tf.Tensor }, Record<string, never>, { y: tf.Tensor }>({
  name: 'Elu1',
  inputs: ['x'],
  outputs: ['y'],
  savedOutputs: ['y'],
  kernels: { wasm: elu1Kernel, webgpu: webgpu.elu1Kernel },
  reference: ({ x }) => ({ y: x.relu().add(x.minimum(0).exp()) }),
  gradient: ({ outputs, grads }) => ({ x: elu1GradientOp({ y: outputs.y, dy: grads.y }, {}).dx }),
});

/** `dy min(y, 1)`. */
const elu1GradientOp = defineOp<{ y: tf.Tensor; dy: tf.Tensor }, Record<string, never>, { dx: tf.Tensor }>({
  name: 'Elu1Gradient',
  inputs: ['y', 'dy'],
  outputs: ['dx'],
  gradient: 'none',
  kernels: { wasm: elu1GradientKernel, webgpu: webgpu.elu1GradientKernel },
  reference: ({ y, dy }) => ({ dx: dy.mul(y.minimum(1)) }),
});

/** `elu(x) + 1`, elementwise. */
export function elu1<T extends tf.Tensor>(x: T): T {
  return elu1Op({ x }, {}).y as T;
}
