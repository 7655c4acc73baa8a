/** The scan on the wasm engine: kernel.as.ts with its outputs and scratch. */
import type { tf } from '@mixerzoo/core';
import type { Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import { CHUNK } from './reference.js';
import type { Attrs, Backward, Inputs, Outputs, Saved } from './types.js';

export const rwkv7Scan: WasmKernel<Inputs, Attrs, Outputs & Saved> = {
  code,
  run(wasm, inputs, { nHeads }) {
    const { r, g, k, v, kappa, a, initialState } = inputs;
    const { batch, length, headK, headV } = sizes(inputs, nHeads);
    const units = batch * nHeads;
    const o = wasm.output(v.shape);
    const lastState = wasm.output([batch, nHeads, headK, headV]);
    const removed = wasm.output(v.shape);
    const states = wasm.output([batch, nHeads, Math.ceil(length / CHUNK), headK, headV]);
    const pointers = [r, g, k, v, kappa, a, o, lastState, removed, states].map((tensor) => wasm.pointer(tensor));
    const initial = initialState ? wasm.pointer(initialState) : 0;
    const scratch = wasm.scratch(units * wasm.call('forwardScratch', headK, headV));
    wasm.parallel('forward', units, ...pointers, initial, length, nHeads, headK, headV, CHUNK, scratch);
    return { o, lastState, removed, states };
  },
};

export const rwkv7ScanGradient: WasmKernel<Backward, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, { nHeads }) {
    const { r, g, k, v, kappa, a, initialState, removed, states, dO, dLastState } = inputs;
    const { batch, length, headK, headV } = sizes(inputs, nHeads);
    const units = batch * nHeads;
    const gradients = {
      r: wasm.output(r.shape),
      g: wasm.output(g.shape),
      k: wasm.output(k.shape),
      v: wasm.output(v.shape),
      kappa: wasm.output(kappa.shape),
      a: wasm.output(a.shape),
    };
    const dInitialState = initialState && wasm.output(initialState.shape);
    const pointers = (tensors: readonly tf.Tensor[]) => tensors.map((tensor) => wasm.pointer(tensor));
    const given = pointers([r, g, k, v, kappa, a, removed, states, dO]);
    const dLast = dLastState ? wasm.pointer(dLastState) : 0;
    const made = pointers(Object.values(gradients));
    const dInitial = dInitialState ? wasm.pointer(dInitialState) : 0;
    const scratch = wasm.scratch(units * wasm.call('backwardScratch', headK, headV, CHUNK));
    const sizesAndScratch = [length, nHeads, headK, headV, CHUNK, scratch];
    wasm.parallel('backward', units, ...given, dLast, ...made, dInitial, ...sizesAndScratch);
    return { ...gradients, initialState: dInitialState };
  },
};

function sizes({ r, v }: Inputs, nHeads: number) {
  const [batch, length, width] = r.shape;
  return { batch, length, headK: width / nHeads, headV: v.shape[2] / nHeads };
}
