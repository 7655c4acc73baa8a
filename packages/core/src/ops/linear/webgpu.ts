/** Affine map and its gradient on the webgpu engine: three matrix products and a column sum. */
import { multiply } from '../../engines/webgpu-gemm.js';
import type { WebgpuCall, WebgpuKernel } from '../../engines/webgpu-kernel.js';
import { sumPartials } from '../../engines/webgpu-reduce.js';
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
    if (bias) columnSums(gpu, dy, dBias, rows, n);
    return { dx, dWeight, dBias };
  },
};

const MOST_BLOCKS = 64;

/** `to[n]` = the column sums of `x[rows, n]`, by blocks of rows. */
function columnSums(gpu: WebgpuCall, x: tf.Tensor, to: tf.Tensor, rows: number, n: number): void {
  const blocks = Math.max(1, Math.min(MOST_BLOCKS, rows >> 4));
  const perBlock = Math.ceil(rows / blocks);
  const partials = gpu.scratch<tf.Rank.R2>([blocks, n]);
  gpu.dispatch({
    code: `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let column = i32(id.x);
  if (column >= u.n) { return; }
  let first = i32(group.y) * u.perBlock;
  var sum = 0.0;
  for (var row = first; row < min(u.rows, first + u.perBlock); row++) { sum += x[row * u.n + column]; }
  partials[i32(group.y) * u.n + column] = sum;
}`,
    read: { x },
    write: { partials },
    integers: { rows, n, perBlock },
    workgroups: [Math.ceil(n / 64), blocks],
  });
  sumPartials(gpu, partials, to, { count: blocks, size: n });
}
