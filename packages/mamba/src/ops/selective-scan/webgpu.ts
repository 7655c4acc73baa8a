/** Kernels of the selective scan on the webgpu engine. */
import type { Gradients, WebgpuKernel } from '@mixerzoo/core/kernels';
import { CHUNK_SIZE } from '../scan/chunk.js';
import { scanBackward } from '../scan/webgpu-backward.js';
import { scanForward } from '../scan/webgpu-forward.js';
import type { Attrs, Backward, Inputs, Outputs } from './types.js';
import { roles, sizesOf } from './wasm.js';

export const selectiveScan: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, inputs, attrs) {
    const sizes = sizesOf(inputs, attrs);
    const { batch, length, headDim, dState } = sizes;
    return scanForward(gpu, roles(inputs), sizes, [batch, Math.ceil(length / CHUNK_SIZE), headDim, dState]);
  },
};

export const selectiveScanGradient: WebgpuKernel<Backward, Attrs, Gradients<Inputs>> = {
  run(gpu, inputs, attrs) {
    const grads = scanBackward(gpu, roles(inputs), inputs, sizesOf(inputs, attrs));
    const { skip: D, gate: z, bias: deltaBias, initial: initialState, ...rest } = grads;
    return { ...rest, D, z, deltaBias, initialState };
  },
};
