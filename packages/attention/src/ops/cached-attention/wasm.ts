/** Attention to a cache on the wasm engine: sizes and scratch for the kernels. */
import type { WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export const attendCache: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, { q, k, v, slopes }, { nHeads, scale, window, tokens, mixesAll }) {
    const [batch, width] = q.shape;
    const [, capacity, valueWidth] = v.shape;
    const p = width / nHeads;
    const group = width / k.shape[2];
    const r = mixesAll ? valueWidth : (valueWidth * group) / nHeads;
    const first = window > 0 ? Math.max(0, tokens - window) : 0;
    const heads = batch * nHeads;
    const o = wasm.output([batch, nHeads * r]);
    const pointers = [q, k, v].map((tensor) => wasm.pointer(tensor));
    const slopesAt = slopes ? wasm.pointer(slopes) : 0;
    const own = [batch, nHeads, group, capacity, p, r, tokens, first, Number(mixesAll), scale];
    if (wasm.native('cachedAttention', ...own, ...pointers, slopesAt, wasm.pointer(o))) return { o };
    const pieces = wasm.call('piecesOf', tokens - first);
    const sums = wasm.scratch(heads * pieces * wasm.call('pieceScratch', r));
    const sizes = [nHeads, group, capacity, valueWidth, p, r];
    wasm.parallel(
      'attendPieces',
      heads * pieces,
      ...pointers,
      slopesAt,
      sums,
      ...sizes,
      mixesAll ? 0 : r,
      scale,
      first,
      tokens,
    );
    wasm.parallel('joinPieces', heads, sums, wasm.pointer(o), pieces, r);
    return { o };
  },
};
