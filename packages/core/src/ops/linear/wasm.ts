/** Affine map and its gradient on the wasm engine: three matrix products and a column sum. */
import { dims } from '../../dims.js';
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import { code } from '../mat-mul/kernel.generated.js';
import { columnSums, multiply } from '../mat-mul/wasm.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const linear: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x, weight, bias }) {
    const [k, n] = dims(weight, 2);
    const y = wasm.output([...x.shape.slice(0, -1), n]);
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

export const linearGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { x, weight, bias, dY }) {
    const [k, n] = dims(weight, 2);
    const rows = dY.size / n;
    const dX = wasm.output(x.shape);
    const dWeight = wasm.output([k, n]);
    const dBias = bias && wasm.output([n]);
    const dYAt = wasm.pointer(dY);
    // dX = dY W^T
    multiply(
      wasm,
      {
        a: { at: dYAt, batch: 0, row: n, column: 1 },
        b: { at: wasm.pointer(weight), batch: 0, row: 1, column: n },
        c: wasm.pointer(dX),
      },
      { batches: 1, m: rows, k: n, n: k },
    );
    // dW = x^T dY
    multiply(
      wasm,
      {
        a: { at: wasm.pointer(x), batch: 0, row: 1, column: k },
        b: { at: dYAt, batch: 0, row: n, column: 1 },
        c: wasm.pointer(dWeight),
      },
      { batches: 1, m: k, k: rows, n },
    );
    if (dBias) columnSums(wasm, dYAt, wasm.pointer(dBias), rows, n);
    return { x: dX, weight: dWeight, bias: dBias };
  },
};
