/** Decayed sum on the wasm engine. */
import type { WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const decayedSum: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x, decay }) {
    const [batch, length, width] = x.shape;
    const y = wasm.output([batch, length, width]);
    wasm.parallel('decayedSum', batch, wasm.pointer(x), wasm.pointer(decay), wasm.pointer(y), length, width);
    return { y };
  },
};
