/** Kernels of SSD on the webgpu engine. */
import { tf, type WebgpuKernel } from '@mixerzoo/core';
import { scanBackward } from '../scan/webgpu-backward.js';
import { scanForward } from '../scan/webgpu-forward.js';
import type { SsdAttrs, SsdGradientInputs, SsdGradients, SsdInputs, SsdOutputs } from './types.js';
import { roles, sizesOf } from './wasm.js';

export const ssdKernel: WebgpuKernel<SsdInputs, SsdAttrs, SsdOutputs> = {
  run(gpu, inputs, attrs) {
    const sizes = sizesOf(inputs, attrs);
    const { batch, length, nHeads, headDim, dState, chunkSize } = sizes;
    return scanForward(gpu, roles(inputs), sizes, [batch, Math.ceil(length / chunkSize), nHeads, headDim, dState]);
  },
};

export const ssdGradientKernel: WebgpuKernel<SsdGradientInputs, SsdAttrs, SsdGradients> = {
  run(gpu, inputs, attrs) {
    const grads = scanBackward(gpu, roles(inputs), inputs, sizesOf(inputs, attrs));
    tf.dispose([grads.gate, grads.bias]);
    const { u: x, delta: dt, A, B, C, skip: D, initial: initialState } = grads;
    return { x, dt, A, B, C, D, initialState };
  },
};
