/** elu(x) + 1 on the webgpu engine. */
import { elementwise, type GradientInputs, type Gradients, type WebgpuKernel } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

export const elu1: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x }) {
    const y = gpu.output(x.shape);
    elementwise(gpu, { x }, y, 'max(x[i], 0.0) + exp(min(x[i], 0.0))');
    return { y };
  },
};

export const elu1Gradient: WebgpuKernel<GradientInputs<Inputs, Outputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { y, dY }) {
    const dX = gpu.output(y.shape);
    elementwise(gpu, { y, dY }, dX, 'dY[i] * min(y[i], 1.0)');
    return { x: dX };
  },
};
