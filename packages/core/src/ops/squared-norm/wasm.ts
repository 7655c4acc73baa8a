/** The sum of squares on the wasm engine. */
import type { WasmKernel } from '../../engines/wasm-kernel.js';
import type * as tf from '../../tf.js';
import { code } from './kernel.generated.js';

/** Elements in a unit of work; the same number is in kernel.as.ts. */
const BLOCK = 4096;

export const squaredNormKernel: WasmKernel<{ x: tf.Tensor }, Record<string, never>, { y: tf.Tensor }> = {
  code,
  run(wasm, { x }) {
    const blocks = Math.ceil(x.size / BLOCK);
    const y = wasm.output<tf.Rank.R0>([] as never);
    const partials = wasm.scratch(4 * blocks);
    wasm.parallel('squareBlocks', blocks, wasm.pointer(x), partials, x.size);
    wasm.call('sumBlocks', partials, blocks, wasm.pointer(y));
    return { y };
  },
};
