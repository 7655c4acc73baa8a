/** Taylor attention on the wasm engine: a form's kernel.as.ts with its outputs and scratch. */
import type { GradientInputs, Gradients, WasmCode, WasmKernel } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Units of work: each has its own scratch. */
const MOST_BLOCKS = 8;

/** Both forms export the same functions. */
export function attend(code: WasmCode): WasmKernel<Inputs, Attrs, Outputs> {
  return {
    code,
    run(wasm, inputs, { nHeads, eps }) {
      const { q, k, v } = inputs;
      const { batch, length, featureDim, headDim, units, blocks } = sizes(inputs, nHeads);
      const o = wasm.output([batch, length, nHeads * headDim]);
      const normaliser = wasm.output([batch, length, nHeads]);
      const pointers = [q, k, v, o, normaliser].map((tensor) => wasm.pointer(tensor));
      const given = [units, nHeads, length, featureDim, headDim, eps, ...pointers];
      if (wasm.native('taylorAttention', ...given)) return { o, normaliser };
      const scratch = wasm.scratch(blocks * wasm.call('forwardScratch', featureDim, headDim));
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

export function attendGradient(
  code: WasmCode,
): WasmKernel<GradientInputs<Inputs, Outputs, Outputs>, Attrs, Gradients<Inputs>> {
  return {
    code,
    run(wasm, inputs, { nHeads }) {
      const { q, k, v, o, normaliser, dO, dNormaliser } = inputs;
      const { length, featureDim, headDim, units, blocks } = sizes(inputs, nHeads);
      const gradients = { q: wasm.output(q.shape), k: wasm.output(k.shape), v: wasm.output(v.shape) };
      const tensors = [q, k, v, o, normaliser, dO, dNormaliser, ...Object.values(gradients)];
      const pointers = tensors.map((tensor) => wasm.pointer(tensor));
      const given = [units, nHeads, length, featureDim, headDim, ...pointers];
      if (wasm.native('taylorAttentionGradient', ...given)) return gradients;
      const scratch = wasm.scratch(blocks * wasm.call('backwardScratch', featureDim, headDim));
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

function sizes({ q, v }: Inputs, nHeads: number) {
  const [batch, length, width] = q.shape;
  const units = batch * nHeads;
  return {
    batch,
    length,
    featureDim: width / nHeads,
    headDim: v.shape[2] / nHeads,
    units,
    blocks: Math.min(units, MOST_BLOCKS),
  };
}
