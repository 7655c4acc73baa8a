/** Grouped attention on the wasm engine, to all blocks or to chosen ones: sizes and scratch for the kernels. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs, Gradients, WasmCall, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, ChosenInputs, Inputs, Outputs } from './types.js';

export const groupedAttention: WasmKernel<Inputs, Attrs, Outputs> = { code, run: attend };

export const groupedAttentionGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run: attendGradient,
};

export const chosenAttention: WasmKernel<ChosenInputs, Attrs, Outputs> = { code, run: attend };

export const chosenAttentionGradient: WasmKernel<
  GradientInputs<ChosenInputs, Outputs>,
  Attrs,
  Gradients<ChosenInputs>
> = {
  code,
  run: (wasm, inputs, attrs) => ({ ...attendGradient(wasm, inputs, attrs), chosen: null }),
};

function attend(wasm: WasmCall, inputs: Inputs | ChosenInputs, attrs: Attrs): Outputs {
  const o = wasm.output(inputs.q.shape);
  launch(wasm, '', inputs, [o], attrs);
  return { o };
}

function attendGradient(
  wasm: WasmCall,
  inputs: GradientInputs<Inputs | ChosenInputs, Outputs>,
  attrs: Attrs,
): Gradients<Inputs> {
  const { q, landmarks, dO } = inputs;
  const [dQ, dK, dV] = [wasm.output(q.shape), wasm.output(q.shape), wasm.output(q.shape)];
  const dLandmarks = landmarks && wasm.output(landmarks.shape);
  launch(wasm, 'Gradient', inputs, [dO, dQ, dK, dV, dLandmarks], attrs);
  return { q: dQ, k: dK, v: dV, landmarks: dLandmarks };
}

function launch(
  wasm: WasmCall,
  pass: '' | 'Gradient',
  inputs: Inputs | ChosenInputs,
  rest: readonly (tf.Tensor | undefined)[],
  { blockSize, scale }: Attrs,
): void {
  const { q, k, v, landmarks } = inputs;
  const chosen = 'chosen' in inputs ? inputs.chosen : undefined;
  const [rows, seqLen, headDim] = q.shape;
  const nLandmarks = landmarks?.shape[1] ?? 0;
  const mostBlocks = chosen ? chosen.shape[2] : nLandmarks;
  const mostTokens = (mostBlocks + 1) * blockSize;
  const [from, to] = [[q, k, v, landmarks, chosen], rest].map((tensors) =>
    tensors.map((tensor) => (tensor ? wasm.pointer(tensor) : 0)),
  ) as [number[], number[]];
  const shape = [rows, seqLen, headDim, blockSize, nLandmarks] as const;
  const isNative = chosen
    ? wasm.native(`chosenAttention${pass}`, ...shape, mostBlocks, scale, ...from, ...to)
    : wasm.native(`groupedAttention${pass}`, ...shape, scale, ...from.slice(0, -1), ...to);
  if (isNative) return;
  const scratch = wasm.scratch(rows * wasm.call('groupedAttentionScratch', mostTokens, mostBlocks));
  const sizes = [mostTokens, mostBlocks, seqLen, headDim, blockSize, nLandmarks, mostBlocks];
  wasm.parallel(`attendGroups${pass}`, rows, ...from, ...to, scratch, ...sizes, scale);
}
