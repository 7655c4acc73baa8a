/** Affine map and its gradient on the webgpu engine: three matrix products and a column sum. */
import { multiply } from '../../engines/webgpu/gemm.js';
import type { WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { columnSums } from '../../engines/webgpu/reduce.js';
import type * as tf from '../../tf.js';
import type { GradInputs, GradOutputs, Inputs } from './wasm.js';

export const linearKernel: WebgpuKernel<Inputs, Record<string, never>, { y: tf.Tensor }> = {
  run(gpu, { x, weight, bias }) {
    const [k, n] = weight.shape as [number, number];
    const y = gpu.output([...x.shape.slice(0, -1), n] as never) as tf.Tensor;
    multiply(
      gpu,
      { a: { tensor: x }, b: { tensor: weight }, c: { tensor: y }, bias },
      { batches: 1, m: y.size / n, k, n },
    );
    return { y };
  },
};

export const linearGradKernel: WebgpuKernel<GradInputs, Record<string, never>, GradOutputs> = {
  run(gpu, { x, weight, bias, dy }) {
    const [k, n] = weight.shape as [number, number];
    const rows = dy.size / n;
    const dx = gpu.output(x.shape as never) as tf.Tensor;
    const dWeight = gpu.output<tf.Rank.R2>([k, n]);
    const dBias = gpu.output<tf.Rank.R1>([bias ? n : 0]);
    // dx = dy W^T, dW = x^T dy
    multiply(
      gpu,
      { a: { tensor: dy }, b: { tensor: weight, transposed: true }, c: { tensor: dx } },
      { batches: 1, m: rows, k: n, n: k },
    );
    multiply(
      gpu,
      { a: { tensor: x, transposed: true }, b: { tensor: dy }, c: { tensor: dWeight } },
      { batches: 1, m: k, k: rows, n },
    );
    if (bias) {
      const term = 'dy[row * u.columns + column]';
      columnSums(gpu, { dy }, { dBias: { to: dBias, term } }, { rows, columns: n });
    }
    return { dx, dWeight, dBias };
  },
};
