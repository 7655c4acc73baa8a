/**
 * The feature map `elu(x) + 1` (Katharopoulos et al. 2020) as `max(x, 0) + exp(min(x, 0))`, which keeps its relative
 * accuracy where it is small. Its derivative is `min(elu(x) + 1, 1)`.
 */
import type { tf } from '@mixerzoo/core';
import { defineOp } from '@mixerzoo/core/kernels';
import { elu1GradientReference, elu1Reference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link elu1}. */
export const elu1Op = defineOp<Inputs, Attrs, Outputs, Outputs>({
  name: 'Elu1',
  inputs: ['x'],
  outputs: ['y'],
  saved: ['y'],
  reference: elu1Reference,
  kernels: { wasm: wasm.elu1, webgpu: webgpu.elu1 },
  gradient: {
    reference: elu1GradientReference,
    kernels: { wasm: wasm.elu1Gradient, webgpu: webgpu.elu1Gradient },
  },
});

/** `elu(x) + 1`, elementwise. */
export function elu1<T extends tf.Tensor>(x: T): T {
  return elu1Op({ x }, {}).y as T;
}
