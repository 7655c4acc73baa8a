/** Taylor attention on the wasm engine: a form's kernel.as.ts with its outputs and scratch. */
import type { tf, WasmCode, WasmKernel } from '@mixerzoo/core';
import type { TaylorAttrs, TaylorGradientInputs, TaylorGradients, TaylorInputs, TaylorOutputs } from './reference.js';

/** Units of work: each has its own scratch. */
const MOST_BLOCKS = 8;

/** Both forms export the same functions. */
export function forwardKernel(code: WasmCode): WasmKernel<TaylorInputs, TaylorAttrs, TaylorOutputs> {
  return {
    code,
    run(wasm, { q, k, v }, { nHeads, eps }) {
      const { batch, length, featureDim, headDim, units, blocks } = sizes(q, v, nHeads);
      const o = wasm.output<tf.Rank.R3>([batch, length, nHeads * headDim]);
      const normaliser = wasm.output<tf.Rank.R3>([batch, length, nHeads]);
      const scratch = wasm.scratch(blocks * wasm.call('forwardScratch', featureDim, headDim));
      const pointers = [q, k, v, o, normaliser].map((tensor) => wasm.pointer(tensor));
      wasm.parallel(
        'forward',
        blocks,
        ...pointers,
        length,
        nHeads,
        featureDim,
        headDim,
        featureDim ** -0.5,
        eps,
        scratch,
        units,
        blocks,
      );
      return { o, normaliser };
    },
  };
}

export function backwardKernel(code: WasmCode): WasmKernel<TaylorGradientInputs, TaylorAttrs, TaylorGradients> {
  return {
    code,
    run(wasm, { q, k, v, o, normaliser, dO, dNormaliser }, { nHeads }) {
      const { length, featureDim, headDim, units, blocks } = sizes(q, v, nHeads);
      const like = (x: tf.Tensor) => wasm.output<tf.Rank.R3>(x.shape as [number, number, number]);
      const gradients = { dQ: like(q), dK: like(k), dV: like(v) };
      const scratch = wasm.scratch(blocks * wasm.call('backwardScratch', featureDim, headDim));
      const tensors = [q, k, v, o, normaliser, dO, dNormaliser, gradients.dQ, gradients.dK, gradients.dV];
      const pointers = tensors.map((tensor) => wasm.pointer(tensor));
      const scale = featureDim ** -0.5;
      wasm.parallel(
        'backward',
        blocks,
        ...pointers,
        length,
        nHeads,
        featureDim,
        headDim,
        scale,
        scratch,
        units,
        blocks,
      );
      return gradients;
    },
  };
}

function sizes(q: tf.Tensor, v: tf.Tensor, nHeads: number) {
  const [batch, length, width] = q.shape as [number, number, number];
  const units = batch * nHeads;
  return {
    batch,
    length,
    featureDim: width / nHeads,
    headDim: (v.shape[2] as number) / nHeads,
    units,
    blocks: Math.min(units, MOST_BLOCKS),
  };
}
