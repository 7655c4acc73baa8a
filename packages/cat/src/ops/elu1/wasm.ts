/** elu(x) + 1 on the wasm engine. */
import type { GradientInputs, Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Elements in a unit of work; the same number is in kernel.as.ts. */
const BLOCK = 4096;

export const elu1: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x }) {
    const y = wasm.output(x.shape);
    wasm.parallel('elu1', Math.ceil(x.size / BLOCK), wasm.pointer(x), wasm.pointer(y), x.size);
    return { y };
  },
};

export const elu1Gradient: WasmKernel<GradientInputs<Inputs, Outputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { y, dY }) {
    const dX = wasm.output(y.shape);
    const pointers = [y, dY, dX].map((tensor) => wasm.pointer(tensor));
    wasm.parallel('elu1Gradient', Math.ceil(y.size / BLOCK), ...pointers, y.size);
    return { x: dX };
  },
};
