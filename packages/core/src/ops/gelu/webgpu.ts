/** GELU on the webgpu engine; Phi by Abramowitz and Stegun 7.1.26, as on wasm. */
import { elementwise } from '../../engines/webgpu/elementwise.js';
import type { WebgpuKernel } from '../../engines/webgpu/kernel.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import type { Attrs, Inputs, Outputs } from './types.js';

const DISTRIBUTION = `
fn below(x: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.2316418882 * abs(x));
  let p = ((((0.5307027145 * t - 0.7265760135) * t + 0.7107068705) * t - 0.142248368) * t + 0.127414796) * t;
  let tail = p * exp(-0.5 * x * x);
  return select(1.0 - tail, tail, x < 0.0);
}
fn gate(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x * (1.5957691216 + 0.0713548163 * x * x))); }
`;

export const gelu: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x }, { approximate }) {
    const y = gpu.output(x.shape);
    elementwise(gpu, { x }, y, approximate ? 'x[i] * gate(x[i])' : 'x[i] * below(x[i])', { functions: DISTRIBUTION });
    return { y };
  },
};

export const geluGradient: WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { x, dY }, { approximate }) {
    const dX = gpu.output(x.shape);
    const slope = approximate
      ? '{ let s = gate(x); return s + x * s * (1.0 - s) * (1.5957691216 + 0.2140644488 * x * x); }'
      : '{ return below(x) + 0.3989422804 * x * exp(-0.5 * x * x); }';
    elementwise(gpu, { x, dY }, dX, 'dY[i] * slope(x[i])', {
      functions: `${DISTRIBUTION}fn slope(x: f32) -> f32 ${slope}`,
    });
    return { x: dX };
  },
};
