/** Rotary positions on the wasm engine. */
import type { tf, WasmKernel } from '@mixerzoo/core';
import { code } from './kernel.generated.js';

type Inputs = { x: tf.Tensor; cos: tf.Tensor; sin: tf.Tensor };

export const rotateKernel: WasmKernel<Inputs, { nHeads: number; inverse: boolean }, { y: tf.Tensor }> = {
  code,
  run(wasm, { x, cos, sin }, { nHeads, inverse }) {
    const [batch, length, width] = x.shape as [number, number, number];
    const y = wasm.output<tf.Rank.R3>([batch, length, width]);
    const tensors = [x, cos, sin, y].map((tensor) => wasm.pointer(tensor));
    wasm.parallel(
      'rotate',
      batch * length,
      ...tensors,
      length,
      nHeads,
      width / nHeads,
      cos.shape[1] as number,
      inverse ? -1 : 1,
    );
    return { y };
  },
};
