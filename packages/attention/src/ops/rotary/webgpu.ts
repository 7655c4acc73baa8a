/** Rotary positions on the webgpu engine. */
import { elementwise, type WebgpuKernel } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

export const rotate: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x, cos, sin }, { nHeads, inverse }) {
    const [, length, width] = x.shape;
    const y = gpu.output(x.shape);
    elementwise(gpu, { x, cosines: cos, sines: sin }, y, 'rotated(i)', {
      functions: `
fn rotated(i: i32) -> f32 {
  let column = i % u.headDim;
  if (column >= 2 * u.half) { return x[i]; }
  let angle = ((i / u.width) % u.length) * u.half + column % u.half;
  let across = select(-u.half, u.half, column < u.half);
  let sine = select(1.0, -1.0, column < u.half) * u.direction * sines[angle];
  return x[i] * cosines[angle] + x[i + across] * sine;
}
`,
      integers: { length, width, headDim: width / nHeads, half: cos.shape[1] },
      floats: { direction: inverse ? -1 : 1 },
    });
    return { y };
  },
};
