/**
 * The sine on the webgpu engine by polynomials (Cephes, S. Moshier, sinf and cosf): that of WGSL may be off by 2^-11, and a software
 * driver's is. Good to 1e-6 for |x| up to 1,000.
 */
import { elementwise, type WebgpuKernel } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

/** pi / 2 in three parts, the first two of so few bits that their products with whole numbers are exact. */
const SINE_WGSL = `
fn sine(x: f32, quarters: i32) -> f32 {
  let n = round(x * 0.6366197723675814);
  let r = ((x - n * 1.5703125) - n * 4.837512969970703e-4) - n * 7.549789948768648e-8;
  let z = r * r;
  let s = r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4));
  let c = 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
  let turn = i32(n) + quarters;
  let y = select(s, c, (turn & 1) == 1);
  return select(y, -y, (turn & 2) == 2);
}`;

export const sine: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x }, { quarters }) {
    const y = gpu.output(x.shape);
    elementwise(gpu, { x }, y, 'sine(x[i], u.quarters)', { integers: { quarters }, functions: SINE_WGSL });
    return { y };
  },
};
