/** The gated scan on the wasm engine: kernel.as.ts with its outputs and scratch. */
import type { GradientInputs, Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import { CHUNK } from './reference.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

export const scan: WasmKernel<Inputs, Attrs, Outputs & Saved> = {
  code,
  run(wasm, inputs, { nHeads, scale }) {
    const { q, k, gk, v } = inputs;
    const { batch, length, headK, headV } = sizes(inputs, nHeads);
    const units = batch * nHeads;
    const o = wasm.output([batch, length, nHeads * headV]);
    const lastState = wasm.output([batch, nHeads, headK, headV]);
    const states = wasm.output([batch, nHeads, Math.ceil(length / CHUNK), headK, headV]);
    const pointers = [q, k, gk, v, o, lastState, states].map((tensor) => wasm.pointer(tensor));
    if (wasm.native('glaScan', units, nHeads, length, headK, headV, CHUNK, scale, ...pointers)) {
      return { o, lastState, states };
    }
    const scratch = wasm.scratch(units * wasm.call('forwardScratch', headK, headV));
    wasm.parallel('forward', units, ...pointers, length, nHeads, headK, headV, CHUNK, scale, scratch);
    return { o, lastState, states };
  },
};

export const scanGradient: WasmKernel<GradientInputs<Inputs, Outputs, Saved>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, { nHeads, scale }) {
    const { q, k, gk, v, states, dO, dLastState } = inputs;
    const { batch, length, headK, headV } = sizes(inputs, nHeads);
    const units = batch * nHeads;
    const gradients = {
      q: wasm.output(q.shape),
      k: wasm.output(k.shape),
      gk: wasm.output(gk.shape),
      v: wasm.output(v.shape),
    };
    const tensors = [q, k, gk, v, states, dO, dLastState, ...Object.values(gradients)];
    const pointers = tensors.map((tensor) => wasm.pointer(tensor));
    if (wasm.native('glaScanGradient', units, nHeads, length, headK, headV, CHUNK, scale, ...pointers))
      return gradients;
    const scratch = wasm.scratch(units * wasm.call('backwardScratch', headK, headV, CHUNK));
    wasm.parallel('backward', units, ...pointers, length, nHeads, headK, headV, CHUNK, scale, scratch);
    return gradients;
  },
};

function sizes({ q, v }: Inputs, nHeads: number) {
  const [batch, length, width] = q.shape;
  return { batch, length, headK: width / nHeads, headV: v.shape[2] / nHeads };
}
