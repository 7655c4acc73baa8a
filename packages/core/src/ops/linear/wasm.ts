/** Affine maps of the same rows and their gradients on the wasm engine: matrix products and column sums. */
import { dims } from '../../dims.js';
import type { WasmCall, WasmKernel } from '../../engines/wasm/kernel.js';
import type * as tf from '../../tf.js';
import { code } from '../mat-mul/kernel.generated.js';
import { columnSums, multiply } from '../mat-mul/wasm.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import {
  type AffineMap,
  type Attrs,
  type Inputs,
  mapsOf,
  type Outputs,
  type SeveralInputs,
  type SeveralOutputs,
} from './types.js';

/** Maps that the native kernels take at a time. */
export const MOST_MAPS = 4;

export const linear: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x, weight, bias }) {
    const [y] = applyMaps(wasm, x, [{ weight, bias }]);
    return { y: y as tf.Tensor };
  },
};

export const linearGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { x, weight, bias, dY }) {
    const { dX, grads } = differentiateMaps(wasm, x, [{ weight, bias }], [dY]);
    return { x: dX, ...(grads[0] as AffineMap) };
  },
};

export const linears: WasmKernel<SeveralInputs, Attrs, SeveralOutputs> = {
  code,
  run(wasm, inputs) {
    const ys = applyMaps(wasm, inputs.x, mapsOf(inputs));
    return Object.fromEntries(ys.map((y, i) => [`y${i}`, y]));
  },
};

export const linearsGradient: WasmKernel<
  GradientInputs<SeveralInputs, SeveralOutputs>,
  Attrs,
  Gradients<SeveralInputs>
> = {
  code,
  run(wasm, inputs) {
    const maps = mapsOf(inputs);
    const dYs = maps.map((_, i) => inputs[`dY${i}`] as tf.Tensor);
    const { dX, grads } = differentiateMaps(wasm, inputs.x, maps, dYs);
    const named = grads.flatMap(({ weight, bias }, i) => [
      [`weight${i}`, weight],
      [`bias${i}`, bias],
    ]);
    return { x: dX, ...Object.fromEntries(named) };
  },
};

/** `y_i = x W_i + b_i` */
function applyMaps(wasm: WasmCall, x: tf.Tensor, maps: readonly AffineMap[]): tf.Tensor[] {
  const k = x.shape.at(-1) as number;
  const columns = maps.map(({ weight }) => dims(weight, 2)[1]);
  const ys = columns.map((n) => wasm.output([...x.shape.slice(0, -1), n]));
  const rows = (ys[0] as tf.Tensor).size / (columns[0] as number);
  const at = addressesOf(wasm, maps);
  const yAts = ys.map((y) => wasm.pointer(y));
  const weights = [...padded(at.weights), ...padded(at.biases)];
  if (wasm.native('linears', rows, k, ...padded(columns), wasm.pointer(x), ...weights, ...padded(yAts))) return ys;
  for (const [i, n] of columns.entries()) {
    multiply(
      wasm,
      {
        a: { at: wasm.pointer(x), batch: 0, row: k, column: 1 },
        b: { at: at.weights[i] as number, batch: 0, row: n, column: 1 },
        c: yAts[i] as number,
        bias: at.biases[i] as number,
      },
      { batches: 1, m: rows, k, n },
    );
  }
  return ys;
}

/** `dX = sum_i dY_i W_i^T`, `dW_i = x^T dY_i`, and the column sums of `dY_i`. */
function differentiateMaps(
  wasm: WasmCall,
  x: tf.Tensor,
  maps: readonly AffineMap[],
  dYs: readonly tf.Tensor[],
): { dX: tf.Tensor; grads: AffineMap[] } {
  const k = x.shape.at(-1) as number;
  const columns = maps.map(({ weight }) => dims(weight, 2)[1]);
  const rows = (dYs[0] as tf.Tensor).size / (columns[0] as number);
  const dX = wasm.output(x.shape);
  const grads = maps.map(({ weight, bias }) => ({
    weight: wasm.output(weight.shape),
    bias: bias && wasm.output(bias.shape),
  }));
  const [xAt, dXAt] = [wasm.pointer(x), wasm.pointer(dX)];
  const [at, to] = [addressesOf(wasm, maps), addressesOf(wasm, grads)];
  const dYAts = dYs.map((dY) => wasm.pointer(dY));
  const given = [...padded(columns), xAt, ...padded(at.weights), ...padded(dYAts)];
  const made = [dXAt, ...padded(to.weights), ...padded(to.biases)];
  if (wasm.native('linearsGradient', rows, k, ...given, ...made)) return { dX, grads };
  for (const [i, n] of columns.entries()) {
    const [weightAt, dYAt] = [at.weights[i] as number, dYAts[i] as number];
    multiply(
      wasm,
      {
        a: { at: dYAt, batch: 0, row: n, column: 1 },
        b: { at: weightAt, batch: 0, row: 1, column: n },
        c: dXAt,
        accumulate: i > 0,
      },
      { batches: 1, m: rows, k: n, n: k },
    );
    multiply(
      wasm,
      {
        a: { at: xAt, batch: 0, row: 1, column: k },
        b: { at: dYAt, batch: 0, row: n, column: 1 },
        c: to.weights[i] as number,
      },
      { batches: 1, m: k, k: rows, n },
    );
    if (to.biases[i]) columnSums(wasm, dYAt, to.biases[i] as number, rows, n);
  }
  return { dX, grads };
}

/** Addresses of weights and biases; 0 for one that is absent. */
function addressesOf(wasm: WasmCall, maps: readonly AffineMap[]) {
  return {
    weights: maps.map(({ weight }) => wasm.pointer(weight)),
    biases: maps.map(({ bias }) => (bias ? wasm.pointer(bias) : 0)),
  };
}

/** As many as the native kernels take, 0 for maps that there are not. */
function padded(values: readonly number[]): number[] {
  return Array.from({ length: MOST_MAPS }, (_, i) => values[i] ?? 0);
}
