/** The sigmoid-weighted linear unit, `x / (1 + exp(-x))` (Elfwing et al. 2017), also called swish. */
import * as tf from '../../tf.js';
import { defineOp, type Op, referenceGradient } from '../define-op.js';
import { siluGradOnTensorflow, siluOnTensorflow } from './tensorflow.js';
import { siluGradKernel, siluKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

type None = Record<string, never>;

/** The op behind {@link silu}. */
export const siluOp: Op<{ x: tf.Tensor }, None, { y: tf.Tensor }> = defineOp<{ x: tf.Tensor }, None, { y: tf.Tensor }>({
  name: 'Silu',
  inputs: ['x'],
  outputs: ['y'],
  reference: ({ x }) => ({ y: x.mul(tf.sigmoid(x)) }),
  gradient: ({ inputs, grads }) => ({ x: siluGradOp({ ...inputs, dy: grads.y }, {}).dx }),
  kernels: { tensorflow: siluOnTensorflow, wasm: siluKernel, webgpu: webgpu.siluKernel },
});

const siluGradOp = defineOp<{ x: tf.Tensor; dy: tf.Tensor }, None, { dx: tf.Tensor }>({
  name: 'SiluGrad',
  inputs: ['x', 'dy'],
  outputs: ['dx'],
  reference: ({ x, dy }) => ({ dx: referenceGradient(siluOp.definition, { x }, { y: dy }, {}).x as tf.Tensor }),
  gradient: 'none',
  kernels: { tensorflow: siluGradOnTensorflow, wasm: siluGradKernel, webgpu: webgpu.siluGradKernel },
});

/** `x sigmoid(x)`, elementwise. */
export function silu<T extends tf.Tensor>(x: T): T {
  return siluOp({ x }, {}).y as T;
}
