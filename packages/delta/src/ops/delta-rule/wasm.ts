/** The delta rule on the wasm engine: kernel.as.ts with its outputs and scratch. */
import type { GradientInputs, Gradients, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import { CHUNK } from './reference.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** Columns of the state that a unit of the forward pass owns. */
const COLUMNS = 16;

export const deltaRule: WasmKernel<Inputs, Attrs, Outputs & Saved> = {
  code,
  run(wasm, inputs, { nHeads, scale }) {
    const { q, k, v, beta, initialState } = inputs;
    const { batch, length, headK, headV } = sizes(inputs, nHeads);
    const o = wasm.output(v.shape);
    const lastState = wasm.output([batch, nHeads, headK, headV]);
    const residual = wasm.output(v.shape);
    const states = wasm.output([batch, nHeads, Math.ceil(length / CHUNK), headK, headV]);
    const outputs = [o, lastState, residual, states].map((tensor) => wasm.pointer(tensor));
    const given = [q, k, v, beta].map((tensor) => wasm.pointer(tensor));
    const initial = initialState ? wasm.pointer(initialState) : 0;
    const nativeSizes = [batch * nHeads, nHeads, length, headK, headV, CHUNK, scale];
    if (wasm.native('deltaRule', ...nativeSizes, ...given, initial, ...outputs))
      return { o, lastState, residual, states };
    const units = batch * nHeads * Math.ceil(headV / COLUMNS);
    const scratch = wasm.scratch(units * wasm.call('forwardScratch', headK));
    wasm.parallel('forward', units, ...given, ...outputs, initial, length, nHeads, headK, headV, CHUNK, scale, scratch);
    return { o, lastState, residual, states };
  },
};

export const deltaRuleGradient: WasmKernel<GradientInputs<Inputs, Outputs, Saved>, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, { nHeads, scale }) {
    const { q, k, v, beta, initialState, residual, states, dO, dLastState } = inputs;
    const { batch, length, headK, headV } = sizes(inputs, nHeads);
    const gradients = {
      q: wasm.output(q.shape),
      k: wasm.output(k.shape),
      v: wasm.output(v.shape),
      beta: wasm.output(beta.shape),
    };
    const dInitialState = initialState && wasm.output(initialState.shape);
    const units = batch * nHeads;
    const tensors = [q, k, beta, residual, states, dO, dLastState, ...Object.values(gradients)];
    const pointers = tensors.map((tensor) => wasm.pointer(tensor));
    const dInitial = dInitialState ? wasm.pointer(dInitialState) : 0;
    const nativeSizes = [units, nHeads, length, headK, headV, CHUNK, scale];
    if (wasm.native('deltaRuleGradient', ...nativeSizes, ...pointers, dInitial))
      return { ...gradients, initialState: dInitialState };
    const scratch = wasm.scratch(units * wasm.call('backwardScratch', headK, headV));
    wasm.parallel('backward', units, ...pointers, dInitial, length, nHeads, headK, headV, CHUNK, scale, scratch);
    return { ...gradients, initialState: dInitialState };
  },
};

function sizes({ q, v }: Inputs, nHeads: number) {
  const [batch, length, width] = q.shape;
  return { batch, length, headK: width / nHeads, headV: v.shape[2] / nHeads };
}
