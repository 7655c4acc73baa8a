/** The gated delta rule on the wasm engine: kernel.as.ts with its outputs and scratch. */
import type { GradientInputs, Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import { CHUNK } from './reference.js';
import { type Attrs, type Inputs, type Outputs, type Saved, sizesOf } from './types.js';

export const deltaRule: WasmKernel<Inputs, Attrs, Outputs & Saved> = {
  code,
  run(wasm, inputs, attrs) {
    const { q, k, v, beta, g, initialState } = inputs;
    const { batch, length, nHeads, headK, headV, gates, scale } = sizesOf(inputs, attrs);
    const outputs = {
      o: wasm.output(v.shape),
      lastState: wasm.output([batch, nHeads, headK, headV]),
      residual: wasm.output(v.shape),
      states: wasm.output([batch, nHeads, Math.ceil(length / CHUNK), headK, headV]),
    };
    const pointers = [q, k, v, beta, g, initialState, ...Object.values(outputs)].map((x) => (x ? wasm.pointer(x) : 0));
    const units = batch * nHeads;
    if (wasm.native('deltaRule', units, nHeads, length, headK, headV, CHUNK, scale, gates, ...pointers)) return outputs;
    const scratch = wasm.scratch(units * wasm.call('forwardScratch', headK, headV, CHUNK));
    wasm.parallel('forward', units, ...pointers, length, nHeads, headK, headV, gates, CHUNK, scale, scratch);
    return outputs;
  },
};

export const deltaRuleGradient: WasmKernel<GradientInputs<Inputs, Outputs, Saved>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const { q, k, v, beta, g, initialState, residual, states, dO, dLastState } = inputs;
    const { batch, length, nHeads, headK, headV, gates, scale } = sizesOf(inputs, attrs);
    const gradients = {
      q: wasm.output(q.shape),
      k: wasm.output(k.shape),
      v: wasm.output(v.shape),
      beta: wasm.output(beta.shape),
      g: g && wasm.output(g.shape),
      initialState: initialState && wasm.output(initialState.shape),
    };
    const tensors = [q, k, beta, g, residual, states, dO, dLastState, ...Object.values(gradients)];
    const pointers = tensors.map((x) => (x ? wasm.pointer(x) : 0));
    const units = batch * nHeads;
    const nativeSizes = [units, nHeads, length, headK, headV, CHUNK, scale, gates];
    if (wasm.native('deltaRuleGradient', ...nativeSizes, ...pointers)) return gradients;
    const scratch = wasm.scratch(units * wasm.call('backwardScratch', headK, headV, CHUNK));
    wasm.parallel('backward', units, ...pointers, length, nHeads, headK, headV, gates, CHUNK, scale, scratch);
    return gradients;
  },
};
