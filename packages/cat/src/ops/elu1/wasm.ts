/** elu(x) + 1 on the wasm engine. */
import type { tf, WasmKernel } from '@mixerzoo/core';
import { code } from './kernel.generated.js';

/** Elements in a unit of work; the same number is in kernel.as.ts. */
const BLOCK = 4096;

export const elu1Kernel: WasmKernel<{ x: tf.Tensor }, Record<string, never>, { y: tf.Tensor }> = {
  code,
  run(wasm, { x }) {
    const y = wasm.output(x.shape as never) as tf.Tensor;
    wasm.parallel('elu1', Math.ceil(x.size / BLOCK), wasm.pointer(x), wasm.pointer(y), x.size);
    return { y };
  },
};

export const elu1GradientKernel: WasmKernel<
  { y: tf.Tensor; dy: tf.Tensor },
  Record<string, never>,
  { dx: tf.Tensor }
> = {
  code,
  run(wasm, { y, dy }) {
    const dx = wasm.output(y.shape as never) as tf.Tensor;
    wasm.parallel(
      'elu1Gradient',
      Math.ceil(y.size / BLOCK),
      wasm.pointer(y),
      wasm.pointer(dy),
      wasm.pointer(dx),
      y.size,
    );
    return { dx };
  },
};
