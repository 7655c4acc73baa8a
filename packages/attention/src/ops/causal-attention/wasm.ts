/** Causal attention on the wasm engine: sizes and scratch for the kernels. */
import type { tf, WasmCall, WasmKernel } from '@mixerzoo/core';
import { code } from './kernel.generated.js';

export type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor; slopes: tf.Tensor | undefined };
export type Outputs = { o: tf.Tensor; logSumExp: tf.Tensor };
export type Attrs = { nHeads: number; scale: number; window: number; dropoutRate: number; dropoutSeed: number };
export type GradientInputs = Inputs & Outputs & { dO: tf.Tensor; dLogSumExp: tf.Tensor };
export type Gradients = { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor };

/** Units of work: each has its own scratch. */
const MOST_BLOCKS = 8;

export const attendKernel: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, inputs, attrs) {
    const { heads, nHeads, queries, keys, p, r, queryTile, blocks, dropout } = sizesOf(inputs, attrs);
    const batch = heads / nHeads;
    const o = wasm.output<tf.Rank.R3>([batch, queries, nHeads * r]);
    const logSumExp = wasm.output<tf.Rank.R3>([batch, nHeads, queries]);
    const tensors = [...pointersOf(wasm, inputs), wasm.pointer(o), wasm.pointer(logSumExp)];
    const { scale, window } = attrs;
    if (queries === 1) {
      const scratch = wasm.scratch(blocks * 4 * (keys + 12));
      wasm.parallel(
        'attendOne',
        blocks,
        ...tensors,
        scratch,
        heads,
        nHeads,
        keys,
        p,
        r,
        scale,
        window,
        ...dropout,
        blocks,
      );
    } else {
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
    }
    return { o, logSumExp };
  },
};

export const attendGradientKernel: WasmKernel<GradientInputs, Attrs, Gradients> = {
  code,
  run(wasm, inputs, attrs) {
    const { heads, nHeads, queries, keys, p, r, queryTile, blocks, dropout } = sizesOf(inputs, attrs);
    const { q, k, v, o, logSumExp, dO, dLogSumExp } = inputs;
    const [dq, dk, dv] = [q, k, v].map(({ shape }) => wasm.output(shape as [number, number, number])) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const scratch = wasm.scratch(blocks * wasm.call('attendGradientScratch', queryTile, keys, p, r));
    const tensors = [o, logSumExp, dO, dLogSumExp, dq, dk, dv].map((tensor) => wasm.pointer(tensor));
    const { scale, window } = attrs;
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
    return { dq, dk, dv };
  },
};

function pointersOf(wasm: WasmCall, { q, k, v, slopes }: Inputs): number[] {
  return [wasm.pointer(q), wasm.pointer(k), wasm.pointer(v), slopes ? wasm.pointer(slopes) : 0];
}

function sizesOf({ q, k, v }: Inputs, { nHeads, dropoutRate, dropoutSeed }: Attrs) {
  const [batch, queries, width] = q.shape as [number, number, number];
  const [, keys] = k.shape as [number, number];
  const heads = batch * nHeads;
  return {
    heads,
    nHeads,
    queries,
    keys,
    p: width / nHeads,
    r: (v.shape[2] as number) / nHeads,
    // Short sequences: small tiles waste less above the diagonal.
    queryTile: keys <= 128 ? 16 : 32,
    blocks: Math.min(heads, MOST_BLOCKS),
    dropout: [Math.round(dropoutRate * 2 ** 24), dropoutSeed, 1 / (1 - dropoutRate)],
  };
}
