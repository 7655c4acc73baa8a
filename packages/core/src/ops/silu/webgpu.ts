/** The sigmoid-weighted linear unit on the webgpu engine. */
import { elementwise } from '../../engines/webgpu/elementwise.js';
import type { WebgpuKernel } from '../../engines/webgpu/kernel.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const silu: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x }) {
    const y = gpu.output(x.shape);
    elementwise(gpu, { x }, y, 'x[i] / (1.0 + exp(-x[i]))');
    return { y };
  },
};

export const siluGradient: WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { x, dY }) {
    const dX = gpu.output(x.shape);
    elementwise(gpu, { x, dY }, dX, 'dY[i] * slope(x[i])', {
      functions: 'fn slope(x: f32) -> f32 { let s = 1.0 / (1.0 + exp(-x)); return s * (1.0 + x * (1.0 - s)); }',
    });
    return { x: dX };
  },
};
