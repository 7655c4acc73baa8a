/** Affine map and its gradient on the wasm engine: three matrix products and a column sum. */
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import type * as tf from '../../tf.js';
import { code } from '../mat-mul/kernel.generated.js';
import { columnSums, multiply } from '../mat-mul/wasm.js';

export type Inputs = { x: tf.Tensor; weight: tf.Tensor; bias: tf.Tensor | undefined };
export type GradInputs = Inputs & { dy: tf.Tensor };
export type GradOutputs = { dx: tf.Tensor; dWeight: tf.Tensor; dBias: tf.Tensor };

export const linearKernel: WasmKernel<Inputs, Record<string, never>, { y: tf.Tensor }> = {
  code,
  run(wasm, { x, weight, bias }) {
    const [k, n] = weight.shape as [number, number];
    const y = wasm.output([...x.shape.slice(0, -1), n] as never) as tf.Tensor;
    multiply(
      wasm,
      {
        a: { at: wasm.pointer(x), batch: 0, row: k, column: 1 },
        b: { at: wasm.pointer(weight), batch: 0, row: n, column: 1 },
        c: wasm.pointer(y),
        bias: bias ? wasm.pointer(bias) : 0,
      },
      { batches: 1, m: y.size / n, k, n },
    );
    return { y };
  },
};

export const linearGradKernel: WasmKernel<GradInputs, Record<string, never>, GradOutputs> = {
  code,
  run(wasm, { x, weight, bias, dy }) {
    const [k, n] = weight.shape as [number, number];
    const rows = dy.size / n;
    const dx = wasm.output(x.shape as never) as tf.Tensor;
    const dWeight = wasm.output([k, n]);
    const dBias = wasm.output([bias ? n : 0]);
    const dyAt = wasm.pointer(dy);
    // dx = dy W^T
    multiply(
      wasm,
      {
        a: { at: dyAt, batch: 0, row: n, column: 1 },
        b: { at: wasm.pointer(weight), batch: 0, row: 1, column: n },
        c: wasm.pointer(dx),
      },
      { batches: 1, m: rows, k: n, n: k },
    );
    // dW = x^T dy
    multiply(
      wasm,
      {
        a: { at: wasm.pointer(x), batch: 0, row: 1, column: k },
        b: { at: dyAt, batch: 0, row: n, column: 1 },
        c: wasm.pointer(dWeight),
      },
      { batches: 1, m: k, k: rows, n },
    );
    if (bias) columnSums(wasm, dyAt, wasm.pointer(dBias), rows, n);
    return { dx, dWeight, dBias };
  },
};
