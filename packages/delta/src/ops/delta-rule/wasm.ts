/** The gated delta rule on the wasm engine: kernel.as.ts with its outputs and scratch. */
import type { tf } from '@mixerzoo/core';
import type { Gradients, WasmCall, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import { CHUNK } from './reference.js';
import { type Attrs, type Inputs, type Outputs, type RuleGradientInputs, type Saved, sizesOf } from './types.js';

/** Columns of keys and of values up to which heads without decays go token by token. */
const NARROW = 16;

export const deltaRule: WasmKernel<Inputs, Attrs, Outputs & Saved> = {
  code,
  run(wasm, inputs, attrs) {
    const { batch, nHeads, headK, headV } = sizesOf(inputs, attrs);
    const lastState = wasm.output([batch, nHeads, headK, headV]);
    return { ...forward(wasm, inputs, attrs, wasm.pointer(lastState)), lastState };
  },
};

export const deltaRuleOutput: WasmKernel<Inputs, Attrs, Pick<Outputs, 'o'> & Saved> = {
  code,
  run(wasm, inputs, attrs) {
    const { batch, nHeads, headK, headV } = sizesOf(inputs, attrs);
    return forward(wasm, inputs, attrs, wasm.scratch(4 * batch * nHeads * headK * headV));
  },
};

/** Of both. */
export const deltaRuleGradient: WasmKernel<RuleGradientInputs, Attrs, Gradients<Inputs>> = {
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
    const at = addressesOf(wasm);
    const units = batch * nHeads;
    const pointers = [...at(q, k, beta, g, residual, states, dO, dLastState), ...at(...Object.values(gradients))];
    const nativeSizes = [units, nHeads, length, headK, headV, CHUNK, scale, gates];
    if (wasm.native('deltaRuleGradient', ...nativeSizes, ...pointers)) return gradients;
    if (isNarrow(headK, headV, gates)) {
      const scratch = wasm.scratch(units * wasm.call('backwardByTokenScratch', headK, headV));
      const { g: _, ...made } = gradients;
      const tensors = [...at(q, k, beta, residual, states, dO, dLastState), ...at(...Object.values(made))];
      wasm.parallel('backwardByToken', units, ...tensors, length, nHeads, headK, headV, CHUNK, scale, scratch);
      return gradients;
    }
    const scratch = wasm.scratch(units * wasm.call('backwardScratch', headK, headV, CHUNK));
    wasm.parallel('backward', units, ...pointers, length, nHeads, headK, headV, gates, CHUNK, scale, scratch);
    return gradients;
  },
};

function forward(wasm: WasmCall, inputs: Inputs, attrs: Attrs, lastState: number): Pick<Outputs, 'o'> & Saved {
  const { q, k, v, beta, g, initialState } = inputs;
  const { batch, length, nHeads, headK, headV, gates, scale } = sizesOf(inputs, attrs);
  const o = wasm.output(v.shape);
  const residual = wasm.output(v.shape);
  const states = wasm.output([batch, nHeads, Math.ceil(length / CHUNK), headK, headV]);
  const at = addressesOf(wasm);
  const units = batch * nHeads;
  const made = [...at(o), lastState, ...at(residual, states)];
  const pointers = [...at(q, k, v, beta, g, initialState), ...made];
  if (wasm.native('deltaRule', units, nHeads, length, headK, headV, CHUNK, scale, gates, ...pointers)) {
    return { o, residual, states };
  }
  if (isNarrow(headK, headV, gates)) {
    const scratch = wasm.scratch(units * wasm.call('forwardByTokenScratch', headK));
    const tensors = [...at(q, k, v, beta, initialState), ...made];
    wasm.parallel('forwardByToken', units, ...tensors, length, nHeads, headK, headV, CHUNK, scale, scratch);
  } else {
    const scratch = wasm.scratch(units * wasm.call('forwardScratch', headK, headV, CHUNK));
    wasm.parallel('forward', units, ...pointers, length, nHeads, headK, headV, gates, CHUNK, scale, scratch);
  }
  return { o, residual, states };
}

const isNarrow = (headK: number, headV: number, gates: number) => gates === 0 && headK <= NARROW && headV <= NARROW;

/** Addresses of tensors, 0 for one that is absent. */
function addressesOf(wasm: WasmCall) {
  return (...tensors: (tf.Tensor | undefined)[]) => tensors.map((tensor) => (tensor ? wasm.pointer(tensor) : 0));
}
