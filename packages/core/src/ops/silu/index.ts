/** The sigmoid-weighted linear unit, `x / (1 + exp(-x))` (Elfwing et al. 2017), also called swish. */
import type * as tf from '../../tf.js';
import { defineOp } from '../define-op.js';
import { siluReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link silu}. */
export const siluOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'Silu',
  inputs: ['x'],
  outputs: ['y'],
  reference: siluReference,
  kernels: { tensorflow: tensorflow.silu, wasm: wasm.silu, webgpu: webgpu.silu },
  gradient: {
    kernels: { tensorflow: tensorflow.siluGradient, wasm: wasm.siluGradient, webgpu: webgpu.siluGradient },
  },
});

/** `x sigmoid(x)`, elementwise. */
export function silu<T extends tf.Tensor>(x: T): T {
  return siluOp({ x }, {}).y as T;
}
