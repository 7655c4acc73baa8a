/** Causal attention on the wasm engine: sizes and scratch for the kernels. */
import type { GradientInputs, Gradients, WasmCall, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Units of work: each has its own scratch. */
const MOST_BLOCKS = 8;

export const attend: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, inputs, attrs) {
    const { heads, nHeads, queries, keys, p, r, queryTile, blocks, dropout } = sizesOf(inputs, attrs);
    const batch = heads / nHeads;
    const o = wasm.output([batch, queries, nHeads * r]);
    const logSumExp = wasm.output([batch, nHeads, queries]);
    const tensors = [...pointersOf(wasm, inputs), wasm.pointer(o), wasm.pointer(logSumExp)];
    const { scale, window } = attrs;
    const sizes = [heads, nHeads, queries, keys, p, r, scale, window, ...dropout];
    if (queries > 1 && wasm.native('causalAttention', ...sizes, ...tensors)) return { o, logSumExp };
    const scratch = wasm.scratch(blocks * wasm.call('attendScratch', queryTile, keys, p, r));
    wasm.parallel(
      'attend',
      blocks,
      ...tensors,
      scratch,
      heads,
      nHeads,
      queries,
      keys,
      p,
      r,
      scale,
      window,
      queryTile,
      ...dropout,
      blocks,
    );
    return { o, logSumExp };
  },
};

export const attendGradient: WasmKernel<GradientInputs<Inputs, Outputs, Outputs>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const { heads, nHeads, queries, keys, p, r, queryTile, blocks, dropout } = sizesOf(inputs, attrs);
    const { q, k, v, o, logSumExp, dO, dLogSumExp } = inputs;
    const [dQ, dK, dV] = [wasm.output(q.shape), wasm.output(k.shape), wasm.output(v.shape)];
    const tensors = [o, logSumExp, dO, dLogSumExp, dQ, dK, dV].map((tensor) => wasm.pointer(tensor));
    const { scale, window } = attrs;
    const gradients = { q: dQ, k: dK, v: dV, slopes: null };
    const sizes = [heads, nHeads, queries, keys, p, r, scale, window, ...dropout];
    if (wasm.native('causalAttentionGradient', ...sizes, ...pointersOf(wasm, inputs), ...tensors)) return gradients;
    const scratch = wasm.scratch(blocks * wasm.call('attendGradientScratch', queryTile, keys, p, r));
    wasm.parallel(
      'attendGradient',
      blocks,
      ...pointersOf(wasm, inputs),
      ...tensors,
      scratch,
      heads,
      nHeads,
      queries,
      keys,
      p,
      r,
      scale,
      window,
      queryTile,
      ...dropout,
      blocks,
    );
    return gradients;
  },
};

function pointersOf(wasm: WasmCall, { q, k, v, slopes }: Inputs): number[] {
  return [wasm.pointer(q), wasm.pointer(k), wasm.pointer(v), slopes ? wasm.pointer(slopes) : 0];
}

function sizesOf({ q, k, v }: Inputs, { nHeads, dropoutRate, dropoutSeed }: Attrs) {
  const [batch, queries, width] = q.shape;
  const [, keys] = k.shape;
  const heads = batch * nHeads;
  return {
    heads,
    nHeads,
    queries,
    keys,
    p: width / nHeads,
    r: v.shape[2] / nHeads,
    // Short sequences: small tiles waste less above the diagonal.
    queryTile: keys <= 128 ? 16 : 32,
    blocks: Math.min(heads, MOST_BLOCKS),
    dropout: [Math.round(dropoutRate * 2 ** 24), dropoutSeed, 1 / (1 - dropoutRate)],
  };
}
