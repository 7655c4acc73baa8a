/** Causal attention on the wasm engine: sizes and scratch for the kernels. */
import type { GradientInputs, Gradients, WasmCall, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Units of work: each has its own scratch. */
const MOST_BLOCKS = 8;

export const attend: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, inputs, attrs) {
    const { batch, nHeads, queries, keys, p, r, sizes, queryTile, blocks } = sizesOf(inputs, attrs);
    const o = wasm.output([batch, queries, nHeads * r]);
    const logSumExp = wasm.output([batch, nHeads, queries]);
    const tensors = [...pointersOf(wasm, inputs), wasm.pointer(o), wasm.pointer(logSumExp)];
    if (queries > 1 && wasm.native('causalAttention', ...sizes, ...tensors)) return { o, logSumExp };
    const scratch = wasm.scratch(blocks * wasm.call('attendScratch', queryTile, keys, p, r));
    wasm.parallel('attend', blocks, ...tensors, scratch, ...sizes, queryTile, blocks);
    return { o, logSumExp };
  },
};

export const attendGradient: WasmKernel<GradientInputs<Inputs, Outputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const { keys, p, r, sizes, queryTile, blocks } = sizesOf(inputs, attrs);
    const { q, k, v, o, logSumExp, dO, dLogSumExp } = inputs;
    const [dQ, dK, dV] = [wasm.output(q.shape), wasm.output(k.shape), wasm.output(v.shape)];
    const others = [o, logSumExp, dO, dLogSumExp, dQ, dK, dV].map((tensor) => wasm.pointer(tensor));
    const pointers = [...pointersOf(wasm, inputs), ...others];
    const gradients = { q: dQ, k: dK, v: dV, slopes: null };
    if (wasm.native('causalAttentionGradient', ...sizes, ...pointers)) return gradients;
    const scratch = wasm.scratch(blocks * wasm.call('attendGradientScratch', queryTile, keys, p, r));
    wasm.parallel('attendGradient', blocks, ...pointers, scratch, ...sizes, queryTile, blocks);
    return gradients;
  },
};

function pointersOf(wasm: WasmCall, { q, k, v, slopes }: Inputs): number[] {
  return [wasm.pointer(q), wasm.pointer(k), wasm.pointer(v), slopes ? wasm.pointer(slopes) : 0];
}

function sizesOf({ q, k, v }: Inputs, { nHeads, scale, window, dropoutRate, dropoutSeed }: Attrs) {
  const [batch, queries, width] = q.shape;
  const [, keys] = k.shape;
  const heads = batch * nHeads;
  const [p, r] = [width / nHeads, v.shape[2] / nHeads];
  const dropout = [Math.round(dropoutRate * 2 ** 24), dropoutSeed, 1 / (1 - dropoutRate)];
  return {
    batch,
    nHeads,
    queries,
    keys,
    p,
    r,
    /** What kernels of either kind are told. */
    sizes: [heads, nHeads, queries, keys, p, r, scale, window, ...dropout],
    // Short sequences: small tiles waste less above the diagonal.
    queryTile: keys <= 128 ? 16 : 32,
    blocks: Math.min(heads, MOST_BLOCKS),
  };
}
