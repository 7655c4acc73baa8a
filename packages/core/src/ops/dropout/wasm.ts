/** Dropout on the wasm engine. */
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import type * as tf from '../../tf.js';
import { code } from './kernel.generated.js';

/** A rate, and the 32-bit seed of the mask. */
export type Attrs = { rate: number; seed: number };

/** Elements in a unit of work; the same number is in kernel.as.ts. */
const BLOCK = 4096;

/** Elements whose 24-bit hash is below it are dropped. */
export function dropoutThreshold(rate: number): number {
  return Math.round(rate * 2 ** 24);
}

export const dropoutKernel: WasmKernel<{ x: tf.Tensor }, Attrs, { y: tf.Tensor }> = {
  code,
  run(wasm, { x }, { rate, seed }) {
    const y = wasm.output(x.shape as never) as tf.Tensor;
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
