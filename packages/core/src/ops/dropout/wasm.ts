/** Dropout on the wasm engine. */
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import { code } from './kernel.generated.js';
import { dropoutThreshold } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Elements in a unit of work; the same number is in kernel.as.ts. */
const BLOCK = 4096;

export const dropout: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { x }, { rate, seed }) {
    const y = wasm.output(x.shape);
    const units = Math.ceil(x.size / BLOCK);
    wasm.parallel(
      'dropout',
      units,
      wasm.pointer(x),
      wasm.pointer(y),
      x.size,
      dropoutThreshold(rate),
      1 / (1 - rate),
      seed,
    );
    return { y };
  },
};
