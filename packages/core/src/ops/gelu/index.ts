/**
 * The Gaussian error linear unit (Hendrycks and Gimpel 2016): `x Phi(x)` with the normal distribution Phi, or its approximation
 * `x (1 + tanh u) / 2 = x sigmoid(2 u)`, `u = sqrt(2 / pi) (x + 0.044715 x^3)`. One pass over x, where plain ops keep five
 * tensors of its size for the gradient.
 */
import type * as tf from '../../tf.js';
import { defineOp } from '../define-op.js';
import { geluReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link gelu}. */
export const geluOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'Gelu',
  inputs: ['x'],
  outputs: ['y'],
  reference: geluReference,
  kernels: { wasm: wasm.gelu, webgpu: webgpu.gelu },
  gradient: { kernels: { wasm: wasm.geluGradient, webgpu: webgpu.geluGradient } },
});

/** `x Phi(x)`, elementwise, or its approximation by tanh. */
export function gelu<T extends tf.Tensor>(x: T, approximate = false): T {
  return geluOp({ x }, { approximate }).y as T;
}
