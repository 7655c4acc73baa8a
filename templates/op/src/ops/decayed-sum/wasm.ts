/** Decayed sum on the wasm engine. */
import type { GradientInputs, Gradients, WasmKernel } from '@mixerzoo/core/kernels';
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

export const decayedSumGradient: WasmKernel<GradientInputs<Inputs, Outputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { x, decay, y, dY }) {
    const [batch, length, width] = x.shape;
    const dX = wasm.output([batch, length, width]);
    const dDecay = wasm.output([width]);
    const pointers = [decay, y, dY, dX, dDecay].map((tensor) => wasm.pointer(tensor));
    wasm.parallel('decayedSumGradient', width, ...pointers, batch, length, width);
    return { x: dX, decay: dDecay };
  },
};
