/** Kernels of SSD on the webgpu engine. */
import type { Gradients, WebgpuKernel } from '@mixerzoo/core/kernels';
import { scanBackward } from '../scan/webgpu-backward.js';
import { scanForward } from '../scan/webgpu-forward.js';
import type { Attrs, Backward, Inputs, Outputs } from './types.js';
import { roles, sizesOf } from './wasm.js';

export const ssd: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, inputs, attrs) {
    const sizes = sizesOf(inputs, attrs);
    const { batch, length, nHeads, headDim, dState, chunkSize } = sizes;
    return scanForward(gpu, roles(inputs), sizes, [batch, Math.ceil(length / chunkSize), nHeads, headDim, dState]);
  },
};

export const ssdGradient: WebgpuKernel<Backward, Attrs, Gradients<Inputs>> = {
  run(gpu, inputs, attrs) {
    const grads = scanBackward(gpu, roles(inputs), inputs, sizesOf(inputs, attrs));
    const { u: x, delta: dt, A, B, C, skip: D, initial: initialState } = grads;
    return { x, dt, A, B, C, D, initialState };
  },
};
