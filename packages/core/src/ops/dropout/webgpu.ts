/** Dropout on the webgpu engine. */
import { DROPOUT_WGSL, elementwise } from '../../engines/webgpu/elementwise.js';
import type { WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { dropoutThreshold } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const dropout: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x }, { rate, seed }) {
    const y = gpu.output(x.shape);
    elementwise(gpu, { x }, y, 'select(0.0, x[i] * u.scale, isKept(i))', {
      functions: DROPOUT_WGSL,
      integers: { threshold: dropoutThreshold(rate), seed },
      floats: { scale: 1 / (1 - rate) },
    });
    return { y };
  },
};
