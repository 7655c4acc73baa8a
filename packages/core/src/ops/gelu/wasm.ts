/** GELU on the wasm engine. */
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Elements in a unit of work; the same number is in kernel.as.ts. */
const BLOCK = 4096;

export const gelu: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x }, { approximate }) {
    const y = wasm.output(x.shape);
    wasm.parallel('gelu', Math.ceil(x.size / BLOCK), wasm.pointer(x), wasm.pointer(y), x.size, approximate ? 1 : 0);
    return { y };
  },
};

export const geluGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { x, dY }, { approximate }) {
    const dX = wasm.output(x.shape);
    const pointers = [x, dY, dX].map((tensor) => wasm.pointer(tensor));
    wasm.parallel('geluGradient', Math.ceil(x.size / BLOCK), ...pointers, x.size, approximate ? 1 : 0);
    return { x: dX };
  },
};
