/** Linear attention on the wasm engine: sizes and scratch for the kernels. */
import type { tf, WasmKernel } from '@mixerzoo/core';
import { code } from './kernel.generated.js';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor };
type Outputs = { o: tf.Tensor; denominator: tf.Tensor };
type Attrs = { nHeads: number; scale: number; normalize: boolean; eps: number; chunkSize: number };

/** Units of work: each has its own scratch. */
const MOST_BLOCKS = 8;

export const attendKernel: WasmKernel<Inputs, Attrs, Outputs> = {
  code,
  run(wasm, inputs, attrs) {
    const { heads, nHeads, length, p, r, chunk, blocks } = sizesOf(inputs, attrs);
    const { q, k, v } = inputs;
    const o = wasm.output(v.shape as [number, number, number]);
    const denominator = wasm.output<tf.Rank.R3>([heads / nHeads, nHeads, length]);
    const scratch = wasm.scratch(blocks * wasm.call('blockScratch', chunk, p, r));
    const tensors = [q, k, v, o, denominator].map((tensor) => wasm.pointer(tensor));
    const { scale, normalize, eps } = attrs;
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

export const attendGradientKernel: WasmKernel<
  Inputs & Outputs & { dO: tf.Tensor },
  Attrs,
  { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor }
> = {
  code,
  run(wasm, inputs, attrs) {
    const { heads, nHeads, length, p, r, chunk, blocks } = sizesOf(inputs, attrs);
    const { q, k, v, o, denominator, dO } = inputs;
    const [dq, dk, dv] = [q, k, v].map(({ shape }) => wasm.output(shape as [number, number, number])) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const scratch = wasm.scratch(blocks * wasm.call('blockScratch', chunk, p, r));
    const tensors = [q, k, v, o, denominator, dO, dq, dk, dv].map((tensor) => wasm.pointer(tensor));
    const { scale, normalize } = attrs;
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
    return { dq, dk, dv };
  },
};

function sizesOf({ q, v }: Inputs, { nHeads, chunkSize }: Attrs) {
  const [batch, length, width] = q.shape as [number, number, number];
  const heads = batch * nHeads;
  return {
    heads,
    nHeads,
    length,
    p: width / nHeads,
    r: (v.shape[2] as number) / nHeads,
    chunk: Math.min(chunkSize, length),
    blocks: Math.min(heads, MOST_BLOCKS),
  };
}
