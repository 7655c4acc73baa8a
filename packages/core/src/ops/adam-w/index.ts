/**
 * One step of AdamW (Loshchilov and Hutter 2019, algorithm 2) for all parameters in one call. On the wasm and webgpu engines it
 * works in place: the tensors it returns are those it is given, unless a clone shares their memory. On the tensorflow engine
 * the memory is the same, the tensors are others.
 */
import { runWasmKernel } from '../../engines/wasm/kernel.js';
import { runWebgpuKernel } from '../../engines/webgpu/kernel.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { usesReferenceForms } from '../define-op.js';
import { adamWReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { AdamWOptions, AdamWState } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

export type { AdamWOptions, AdamWState } from './types.js';

/**
 * `m <- b1 m + (1 - b1) g`, `v <- b2 v + (1 - b2) g^2`,
 * `p <- p - lr (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay p)`.
 *
 * Consumes the state: go on with the returned tensors. Gradients are left alone.
 * @throws ShapeError if the lists differ in length or sizes, or hold a tensor of the state twice.
 */
export function adamWStep(state: AdamWState, grads: readonly tf.Tensor[], options: AdamWOptions): AdamWState {
  const { params, m, v } = state;
  for (const [what, list] of Object.entries({ gradients: grads, m, v })) {
    const misfit = params.findIndex((param, index) => list[index]?.size !== param.size);
    if (list.length === params.length && misfit < 0) continue;
    const got =
      misfit < 0
        ? `${list.length} for ${params.length} parameters`
        : `${list[misfit]?.size ?? 'none'} for the ${params[misfit]?.size} of parameter ${misfit}`;
    throw new ShapeError(
      `adamWStep: expected ${what} of the sizes of the parameters, got ${got}. Pass lists in the same order.`,
    );
  }
  // In place, a second mention would be a second step.
  if (new Set([...params, ...m, ...v]).size !== 3 * params.length) {
    throw new ShapeError(
      'adamWStep: expected every parameter and moment once, got one twice. Pass a tied parameter once, with its whole gradient.',
    );
  }
  if (tf.getBackend() === 'wasm' && !usesReferenceForms()) {
    const own = { params: params.map(unshared), m: m.map(unshared), v: v.map(unshared) };
    runWasmKernel(wasm.adamW(own, grads, options), {}, {}, 'adamWStep');
    return own;
  }
  if (tf.getBackend() === 'webgpu' && !usesReferenceForms()) {
    const own = { params: params.map(unshared), m: m.map(unshared), v: v.map(unshared) };
    runWebgpuKernel(webgpu.adamW(own, grads, options), {}, {});
    return own;
  }
  if (tf.getBackend() === 'tensorflow' && !usesReferenceForms()) return tensorflow.adamW(state, grads, options);
  return adamWReference(state, grads, options);
}

/** The tensor, or a copy in its place if its memory is shared with a clone or a reshaped tensor. */
function unshared(tensor: tf.Tensor): tf.Tensor {
  if (tf.engine().backend.refCount(tensor.dataId) === 1) return tensor;
  const copy =
    tf.getBackend() === 'webgpu'
      ? runWebgpuKernel(webgpu.copy, { x: tensor }, {}).y
      : tf.tensor(tensor.dataSync(), tensor.shape, tensor.dtype);
  tensor.dispose();
  return copy;
}

/**
 * The Euclidean norm of all tensors taken as one vector; not finite if any element is not.
 *
 * @throws ShapeError without a tensor.
 */
export function globalNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  if (tensors.length === 0) throw new ShapeError('globalNorm: expected a tensor, got none.');
  const named = Object.fromEntries(tensors.map((tensor, index) => [`x${index}`, tensor]));
  if (tf.getBackend() === 'wasm' && !usesReferenceForms()) {
    return runWasmKernel(wasm.globalNorm, named, {}, 'globalNorm').norm;
  }
  if (tf.getBackend() === 'webgpu' && !usesReferenceForms()) {
    return runWebgpuKernel(webgpu.globalNorm, named, {}).norm;
  }
  if (tf.getBackend() === 'tensorflow' && !usesReferenceForms()) {
    return tf.tidy(() => tensorflow.globalNorm(tensors));
  }
  return tf.tidy(() => tf.addN<tf.Scalar>(tensors.map((tensor) => tensor.square().sum())).sqrt());
}
