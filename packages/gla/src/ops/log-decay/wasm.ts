/** The log-decay on the wasm engine. */
import type { GradientInputs, Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const logDecay: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x }, { normalizer }) {
    const y = wasm.output(x.shape);
    wasm.parallel('forward', x.size, wasm.pointer(x), wasm.pointer(y), normalizer);
    return { y };
  },
};

export const logDecayGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, { x, dY }, { normalizer }) {
    const dX = wasm.output(x.shape);
    const pointers = [x, dY, dX].map((tensor) => wasm.pointer(tensor));
    wasm.parallel('backward', x.size, ...pointers, normalizer);
    return { x: dX };
  },
};
