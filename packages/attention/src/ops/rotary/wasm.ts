/** Rotary positions on the wasm engine. */
import type { WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const rotate: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x, cos, sin }, { nHeads, inverse }) {
    const [batch, length, width] = x.shape;
    const y = wasm.output(x.shape);
    const tensors = [x, cos, sin, y].map((tensor) => wasm.pointer(tensor));
    wasm.parallel('rotate', batch * length, ...tensors, length, nHeads, width / nHeads, cos.shape[1], inverse ? -1 : 1);
    return { y };
  },
};
