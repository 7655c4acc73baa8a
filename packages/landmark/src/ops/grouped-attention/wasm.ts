/** Grouped attention on the wasm engine: sizes and scratch for the kernels. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs, Gradients, WasmCall, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const groupedAttention: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, inputs, attrs) {
    const o = wasm.output(inputs.q.shape);
    launch(wasm, 'attendGroups', inputs, [o], attrs);
    return { o };
  },
};

export const groupedAttentionGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const { q, landmarks, dO } = inputs;
    const [dQ, dK, dV] = [wasm.output(q.shape), wasm.output(q.shape), wasm.output(q.shape)];
    const dLandmarks = landmarks && wasm.output(landmarks.shape);
    launch(wasm, 'attendGroupsGradient', inputs, [dO, dQ, dK, dV, dLandmarks], attrs);
    return { q: dQ, k: dK, v: dV, landmarks: dLandmarks };
  },
};

function launch(
  wasm: WasmCall,
  name: string,
  { q, k, v, landmarks }: Inputs,
  rest: readonly (tf.Tensor | undefined)[],
  { blockSize, scale }: Attrs,
): void {
  const [rows, seqLen, headDim] = q.shape;
  const count = landmarks?.shape[1] ?? 0;
  const scratch = wasm.scratch(rows * wasm.call('groupedAttentionScratch', seqLen, count));
  const pointers = [q, k, v].map((tensor) => wasm.pointer(tensor));
  const marks = landmarks ? wasm.pointer(landmarks) : 0;
  const outputs = rest.map((tensor) => (tensor ? wasm.pointer(tensor) : 0));
  wasm.parallel(name, rows, ...pointers, marks, ...outputs, scratch, seqLen, headDim, blockSize, count, scale);
}
