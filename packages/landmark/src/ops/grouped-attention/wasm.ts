/** Grouped attention on the wasm engine: sizes and scratch for the kernels. */
import type { tf, WasmCall, WasmKernel } from '@mixerzoo/core';
import { code } from './kernel.generated.js';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor; landmarks: tf.Tensor | undefined };
type Attrs = { blockSize: number; scale: number };
type Gradients = { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor; dLandmarks: tf.Tensor };

export const groupedAttentionKernel: WasmKernel<Inputs, Attrs, { o: tf.Tensor }> = {
  code,
  run(wasm, inputs, attrs) {
    const o = wasm.output(inputs.q.shape as [number, number, number]);
    launch(wasm, 'attendGroups', inputs, [o], attrs);
    return { o };
  },
};

export const groupedAttentionGradientKernel: WasmKernel<Inputs & { dO: tf.Tensor }, Attrs, Gradients> = {
  code,
  run(wasm, inputs, attrs) {
    const shape = inputs.q.shape as [number, number, number];
    const [dq, dk, dv] = [wasm.output(shape), wasm.output(shape), wasm.output(shape)];
    const dLandmarks = wasm.output((inputs.landmarks?.shape ?? [0, 0, 0]) as [number, number, number]);
    launch(wasm, 'attendGroupsGradient', inputs, [inputs.dO, dq, dk, dv, dLandmarks], attrs);
    return { dq, dk, dv, dLandmarks };
  },
};

function launch(
  wasm: WasmCall,
  name: string,
  { q, k, v, landmarks }: Inputs,
  rest: readonly tf.Tensor[],
  { blockSize, scale }: Attrs,
): void {
  const [rows, seqLen, headDim] = q.shape as [number, number, number];
  const count = landmarks?.shape[1] ?? 0;
  const scratch = wasm.scratch(rows * wasm.call('groupedAttentionScratch', seqLen, count));
  const pointers = [q, k, v].map((tensor) => wasm.pointer(tensor));
  const marks = landmarks ? wasm.pointer(landmarks) : 0;
  const outputs = rest.map((tensor) => wasm.pointer(tensor));
  wasm.parallel(name, rows, ...pointers, marks, ...outputs, scratch, seqLen, headDim, blockSize, count, scale);
}
