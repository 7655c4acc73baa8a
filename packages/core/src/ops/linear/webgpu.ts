/** Affine map and its gradient on the webgpu engine: three matrix products and a column sum. */
import { dims } from '../../dims.js';
import { multiply } from '../../engines/webgpu/gemm.js';
import type { WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { columnSums } from '../../engines/webgpu/reduce.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const linear: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { x, weight, bias }) {
    const [k, n] = dims(weight, 2);
    const y = gpu.output([...x.shape.slice(0, -1), n]);
    multiply(
      gpu,
      { a: { tensor: x }, b: { tensor: weight }, c: { tensor: y }, bias },
      { batches: 1, m: y.size / n, k, n },
    );
    return { y };
  },
};

export const linearGradient: WebgpuKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  run(gpu, { x, weight, bias, dY }) {
    const [k, n] = dims(weight, 2);
    const rows = dY.size / n;
    const dX = gpu.output(x.shape);
    const dWeight = gpu.output([k, n]);
    const dBias = bias && gpu.output([n]);
    // dX = dY W^T, dW = x^T dY
    multiply(
      gpu,
      { a: { tensor: dY }, b: { tensor: weight, transposed: true }, c: { tensor: dX } },
      { batches: 1, m: rows, k: n, n: k },
    );
    multiply(
      gpu,
      { a: { tensor: x, transposed: true }, b: { tensor: dY }, c: { tensor: dWeight } },
      { batches: 1, m: k, k: rows, n },
    );
    if (dBias) {
      const term = 'dY[row * u.columns + column]';
      columnSums(gpu, { dY }, { dBias: { to: dBias, term } }, { rows, columns: n });
    }
    return { x: dX, weight: dWeight, bias: dBias };
  },
};
