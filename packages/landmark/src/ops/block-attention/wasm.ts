/** Block attention on the wasm engine: sizes and scratch for the kernels. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs, Gradients, WasmCall, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const blockAttention: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, inputs, attrs) {
    const o = wasm.output(inputs.q.shape);
    launch(wasm, '', inputs, [o], attrs);
    return { o };
  },
};

export const blockAttentionGradient: WasmKernel<GradientInputs<Inputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const { shape } = inputs.q;
    const [dQ, dK, dV] = [wasm.output(shape), wasm.output(shape), wasm.output(shape)];
    launch(wasm, 'Gradient', inputs, [inputs.dO, dQ, dK, dV], attrs);
    return { q: dQ, k: dK, v: dV, retrieved: null };
  },
};

function launch(
  wasm: WasmCall,
  pass: '' | 'Gradient',
  { q, k, v, retrieved }: Inputs,
  rest: readonly tf.Tensor[],
  { blockSize, unit, scale }: Attrs,
): void {
  const [rows, seqLen, headDim] = q.shape;
  const count = retrieved?.shape[2] ?? 0;
  const addresses = [q, k, v, retrieved, ...rest].map((tensor) => (tensor ? wasm.pointer(tensor) : 0));
  if (wasm.native(`blockAttention${pass}`, rows, seqLen, headDim, blockSize, unit, count, scale, ...addresses)) return;
  const scratch = wasm.scratch(rows * wasm.call('blockAttentionScratch', blockSize + count * unit));
  wasm.parallel(`attendBlocks${pass}`, rows, ...addresses, scratch, seqLen, headDim, blockSize, unit, count, scale);
}
