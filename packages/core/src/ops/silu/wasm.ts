/** SiLU on the wasm engine. */
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import type * as tf from '../../tf.js';
import { code } from './kernel.generated.js';

type None = Record<string, never>;

/** Elements in a unit of work; the same number is in kernel.as.ts. */
const BLOCK = 4096;

export const siluKernel: WasmKernel<{ x: tf.Tensor }, None, { y: tf.Tensor }> = {
  code,
  run(wasm, { x }) {
    const y = wasm.output(x.shape as never) as tf.Tensor;
    wasm.parallel('silu', Math.ceil(x.size / BLOCK), wasm.pointer(x), wasm.pointer(y), x.size);
    return { y };
  },
};

export const siluGradKernel: WasmKernel<{ x: tf.Tensor; dy: tf.Tensor }, None, { dx: tf.Tensor }> = {
  code,
  run(wasm, { x, dy }) {
    const dx = wasm.output(x.shape as never) as tf.Tensor;
    wasm.parallel('siluGrad', Math.ceil(x.size / BLOCK), wasm.pointer(x), wasm.pointer(dy), wasm.pointer(dx), x.size);
    return { dx };
  },
};
