/** Block attention on the wasm engine: sizes and scratch for the kernels. */
import type { tf, WasmCall, WasmKernel } from '@mixerzoo/core';
import { code } from './kernel.generated.js';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor; retrieved: tf.Tensor | undefined };
type Attrs = { blockSize: number; unit: number; scale: number };

export const blockAttentionKernel: WasmKernel<Inputs, Attrs, { o: tf.Tensor }> = {
  code,
  run(wasm, inputs, attrs) {
    const o = wasm.output(inputs.q.shape as [number, number, number]);
    launch(wasm, 'attendBlocks', inputs, [o], attrs);
    return { o };
  },
};

export const blockAttentionGradientKernel: WasmKernel<
  Inputs & { dO: tf.Tensor },
  Attrs,
  { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor }
> = {
  code,
  run(wasm, inputs, attrs) {
    const shape = inputs.q.shape as [number, number, number];
    const [dq, dk, dv] = [wasm.output(shape), wasm.output(shape), wasm.output(shape)];
    launch(wasm, 'attendBlocksGradient', inputs, [inputs.dO, dq, dk, dv], attrs);
    return { dq, dk, dv };
  },
};

function launch(
  wasm: WasmCall,
  name: string,
  { q, k, v, retrieved }: Inputs,
  rest: readonly tf.Tensor[],
  { blockSize, unit, scale }: Attrs,
): void {
  const [rows, seqLen, headDim] = q.shape as [number, number, number];
  const count = retrieved?.shape[2] ?? 0;
  const scratch = wasm.scratch(rows * wasm.call('blockAttentionScratch', blockSize + count * unit));
  const tensors = [q, k, v].map((tensor) => wasm.pointer(tensor));
  const outputs = rest.map((tensor) => wasm.pointer(tensor));
  const chosen = retrieved ? wasm.pointer(retrieved) : 0;
  wasm.parallel(name, rows, ...tensors, chosen, ...outputs, scratch, seqLen, headDim, blockSize, unit, count, scale);
}
