/** The log-decay on the webgpu engine; no exponential is large. */
import {
  elementwise,
  type GradientInputs,
  type Gradients,
  SOFTPLUS_WGSL,
  type WebgpuKernel,
} from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

export const logDecay: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x }, { normalizer }) {
    const y = gpu.output(x.shape);
    elementwise(gpu, { x }, y, '-softplus(-x[i]) * u.inverse', {
      functions: SOFTPLUS_WGSL,
      floats: { inverse: 1 / normalizer },
    });
    return { y };
  },
};

export const logDecayGradient: WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { x, dY }, { normalizer }) {
    const dX = gpu.output(x.shape);
    elementwise(gpu, { x, dY }, dX, 'dY[i] * u.inverse * complement(x[i])', {
      // sigmoid(-x)
      functions: 'fn complement(x: f32) -> f32 { let e = exp(-abs(x)); return select(1.0, e, x > 0.0) / (1.0 + e); }\n',
      floats: { inverse: 1 / normalizer },
    });
    return { x: dX };
  },
};
