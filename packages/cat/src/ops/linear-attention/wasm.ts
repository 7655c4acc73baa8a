/** Linear attention on the wasm engine: sizes and scratch for the kernels. */
import type { GradientInputs, Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** Units of work: each has its own scratch. */
const MOST_BLOCKS = 8;

export const attend: WasmKernel<Inputs, Attrs, Saved> = {
  code,
  run(wasm, inputs, attrs) {
    const { heads, nHeads, length, p, r, chunk, blocks } = sizesOf(inputs, attrs);
    const { q, k, v } = inputs;
    const o = wasm.output(v.shape);
    const denominator = wasm.output([heads / nHeads, nHeads, length]);
    const tensors = [q, k, v, o, denominator].map((tensor) => wasm.pointer(tensor));
    const { scale, normalize, eps } = attrs;
    const sizes = [heads, nHeads, length, p, r, chunk, scale, Number(normalize), eps];
    if (wasm.native('linearAttention', ...sizes, ...tensors)) return { o, denominator };
    const scratch = wasm.scratch(blocks * wasm.call('blockScratch', chunk, p, r));
    wasm.parallel(
      'attend',
      blocks,
      ...tensors,
      scratch,
      heads,
      nHeads,
      length,
      p,
      r,
      chunk,
      scale,
      Number(normalize),
      eps,
      blocks,
    );
    return { o, denominator };
  },
};

export const attendGradient: WasmKernel<GradientInputs<Inputs, Outputs, Saved>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const { heads, nHeads, length, p, r, chunk, blocks } = sizesOf(inputs, attrs);
    const { q, k, v, o, denominator, dO } = inputs;
    const [dQ, dK, dV] = [wasm.output(q.shape), wasm.output(k.shape), wasm.output(v.shape)];
    const tensors = [q, k, v, o, denominator, dO, dQ, dK, dV].map((tensor) => wasm.pointer(tensor));
    const { scale, normalize, eps } = attrs;
    const gradients = { q: dQ, k: dK, v: dV };
    const sizes = [heads, nHeads, length, p, r, chunk, scale, Number(normalize), eps];
    if (wasm.native('linearAttentionGradient', ...sizes, ...tensors)) return gradients;
    const scratch = wasm.scratch(blocks * wasm.call('blockScratch', chunk, p, r));
    wasm.parallel(
      'attendGradient',
      blocks,
      ...tensors,
      scratch,
      heads,
      nHeads,
      length,
      p,
      r,
      chunk,
      scale,
      Number(normalize),
      blocks,
    );
    return gradients;
  },
};

function sizesOf({ q, v }: Inputs, { nHeads, chunkSize }: Attrs) {
  const [batch, length, width] = q.shape;
  const heads = batch * nHeads;
  return {
    heads,
    nHeads,
    length,
    p: width / nHeads,
    r: v.shape[2] / nHeads,
    chunk: Math.min(chunkSize, length),
    blocks: Math.min(heads, MOST_BLOCKS),
  };
}
