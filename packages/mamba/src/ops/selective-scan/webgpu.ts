/** Kernels of the selective scan on the webgpu engine. */
import type { WebgpuKernel } from '@mixerzoo/core';
import { CHUNK_SIZE } from '../scan/chunk.js';
import { scanBackward } from '../scan/webgpu-backward.js';
import { scanForward } from '../scan/webgpu-forward.js';
import type {
  SelectiveScanAttrs,
  SelectiveScanGradientInputs,
  SelectiveScanGradients,
  SelectiveScanInputs,
  SelectiveScanOutputs,
} from './types.js';
import { roles, sizesOf } from './wasm.js';

export const selectiveScanKernel: WebgpuKernel<SelectiveScanInputs, SelectiveScanAttrs, SelectiveScanOutputs> = {
  run(gpu, inputs, attrs) {
    const sizes = sizesOf(inputs, attrs);
    const { batch, length, headDim, dState } = sizes;
    return scanForward(gpu, roles(inputs), sizes, [batch, Math.ceil(length / CHUNK_SIZE), headDim, dState]);
  },
};

export const selectiveScanGradientKernel: WebgpuKernel<
  SelectiveScanGradientInputs,
  SelectiveScanAttrs,
  SelectiveScanGradients
> = {
  run(gpu, inputs, attrs) {
    const grads = scanBackward(gpu, roles(inputs), inputs, sizesOf(inputs, attrs));
    const { skip: D, gate: z, bias: deltaBias, initial: initialState, ...rest } = grads;
    return { ...rest, D, z, deltaBias, initialState };
  },
};
