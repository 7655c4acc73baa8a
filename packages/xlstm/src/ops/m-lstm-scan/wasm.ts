/** The scan of mLSTM on the wasm engine: kernel.as.ts with its outputs and scratch. */
import type { Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import { CHUNK } from './reference.js';
import type { Attrs, Backward, Inputs, Outputs, Saved } from './types.js';

/** Units of work: each has its own scratch. */
const MOST_BLOCKS = 8;

export const scan: WasmKernel<Inputs, Attrs, Outputs & Saved> = {
  code,
  run(wasm, inputs, attrs) {
    const { q, k, v, i, logF, initialC, initialN, initialM } = inputs;
    const { batch, length, nHeads, headK, headV, chunks, units, blocks } = sizesOf(inputs, attrs);
    const outputs = {
      h: wasm.output(v.shape),
      lastC: wasm.output([batch, nHeads, headK, headV]),
      lastN: wasm.output([batch, nHeads, headK]),
      lastM: wasm.output([batch, nHeads]),
      cells: wasm.output([chunks + 1, batch, nHeads, headK, headV]),
      norms: wasm.output([chunks + 1, batch, nHeads, headK]),
      maxima: wasm.output([chunks + 1, batch, nHeads]),
    };
    const scratch = wasm.scratch(blocks * wasm.call('forwardScratch', headK, headV));
    wasm.parallel(
      'forward',
      blocks,
      ...[q, k, v, i, logF].map((tensor) => wasm.pointer(tensor)),
      ...[initialC, initialN, initialM].map((tensor) => (tensor ? wasm.pointer(tensor) : 0)),
      ...Object.values(outputs).map((tensor) => wasm.pointer(tensor)),
      length,
      nHeads,
      headK,
      headV,
      attrs.scale,
      scratch,
      units,
      blocks,
    );
    return outputs;
  },
};

export const scanGradient: WasmKernel<Backward, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const { q, k, v, i, logF, initialC, initialN, initialM, h, cells, norms, maxima, dH } = inputs;
    const { length, nHeads, headK, headV, units, blocks } = sizesOf(inputs, attrs);
    const gradients = {
      q: wasm.output(q.shape),
      k: wasm.output(k.shape),
      v: wasm.output(v.shape),
      i: wasm.output(i.shape),
      logF: wasm.output(logF.shape),
      initialC: initialC ? wasm.output(initialC.shape) : null,
      initialN: initialN ? wasm.output(initialN.shape) : null,
      initialM: initialM ? wasm.output(initialM.shape) : null,
    };
    const scratch = wasm.scratch(blocks * wasm.call('backwardScratch', headK, headV));
    const { dLastC, dLastN, dLastM } = inputs;
    const tensors = [
      q,
      k,
      v,
      i,
      logF,
      h,
      cells,
      norms,
      maxima,
      dH,
      dLastC,
      dLastN,
      dLastM,
      ...Object.values(gradients),
    ];
    wasm.parallel(
      'backward',
      blocks,
      ...tensors.map((tensor) => (tensor ? wasm.pointer(tensor) : 0)),
      length,
      nHeads,
      headK,
      headV,
      attrs.scale,
      scratch,
      units,
      blocks,
    );
    return gradients;
  },
};

function sizesOf({ q, v }: Inputs, { nHeads }: Attrs) {
  const [batch, length, width] = q.shape;
  const units = batch * nHeads;
  return {
    batch,
    length,
    nHeads,
    headK: width / nHeads,
    headV: v.shape[2] / nHeads,
    chunks: Math.ceil(length / CHUNK),
    units,
    blocks: Math.min(units, MOST_BLOCKS),
  };
}
