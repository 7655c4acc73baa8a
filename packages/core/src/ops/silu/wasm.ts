/** SiLU on the wasm engine. */
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import type { GradientInputs, Gradients } from '../op-types.js';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Elements in a unit of work; the same number is in kernel.as.ts. */
const BLOCK = 4096;

export const silu: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x }) {
    const y = wasm.output(x.shape);
    wasm.parallel('silu', Math.ceil(x.size / BLOCK), wasm.pointer(x), wasm.pointer(y), x.size);
    return { y };
  },
};

export const siluGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { x, dY }) {
    const dX = wasm.output(x.shape);
    const pointers = [x, dY, dX].map((tensor) => wasm.pointer(tensor));
    wasm.parallel('siluGradient', Math.ceil(x.size / BLOCK), ...pointers, x.size);
    return { x: dX };
  },
};
