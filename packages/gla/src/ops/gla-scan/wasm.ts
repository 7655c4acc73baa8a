/** The gated scan on the wasm engine: kernel.as.ts with its outputs and scratch. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs, Gradients, WasmCall, WasmKernel } from '@mixerzoo/core/kernels';
import { code } from './kernel.generated.js';
import { CHUNK } from './reference.js';
import type { Attrs, Inputs, OutputGradientInputs, Outputs, Saved } from './types.js';

export const scan: WasmKernel<Inputs, Attrs, Outputs & Saved> = {
  code,
  run(wasm, inputs, { nHeads, scale }) {
    const { batch, headK, headV } = sizes(inputs, nHeads);
    const lastState = wasm.output([batch, nHeads, headK, headV]);
    return { ...forward(wasm, inputs, { nHeads, scale }, wasm.pointer(lastState)), lastState };
  },
};

export const scanOutput: WasmKernel<Inputs, Attrs, Pick<Outputs, 'o'> & Saved> = {
  code,
  run: (wasm, inputs, attrs) => forward(wasm, inputs, attrs, wasm.scratch(stateBytes(inputs, attrs))),
};

export const scanGradient: WasmKernel<GradientInputs<Inputs, Outputs, Saved>, Attrs, Gradients<Inputs>> = {
  code,
  run: (wasm, inputs, attrs) => backward(wasm, inputs, attrs, wasm.pointer(inputs.dLastState)),
};

export const scanOutputGradient: WasmKernel<OutputGradientInputs, Attrs, Gradients<Inputs>> = {
  code,
  run(wasm, inputs, attrs) {
    const bytes = stateBytes(inputs, attrs);
    const dLastState = wasm.scratch(bytes);
    wasm.call('clear', dLastState, bytes);
    return backward(wasm, inputs, attrs, dLastState);
  },
};

function forward(wasm: WasmCall, inputs: Inputs, { nHeads, scale }: Attrs, lastState: number) {
  const { q, k, gk, v } = inputs;
  const { batch, length, headK, headV } = sizes(inputs, nHeads);
  const units = batch * nHeads;
  const o = wasm.output([batch, length, nHeads * headV]);
  const states = wasm.output([batch, nHeads, Math.ceil(length / CHUNK), headK, headV]);
  const [given, [oAt, statesAt]] = [
    [q, k, gk, v],
    [o, states],
  ].map((tensors) => tensors.map((tensor) => wasm.pointer(tensor))) as [number[], [number, number]];
  const pointers = [...given, oAt, lastState, statesAt];
  if (wasm.native('glaScan', units, nHeads, length, headK, headV, CHUNK, scale, ...pointers)) return { o, states };
  const scratch = wasm.scratch(units * wasm.call('forwardScratch', headK, headV));
  wasm.parallel('forward', units, ...pointers, length, nHeads, headK, headV, CHUNK, scale, scratch);
  return { o, states };
}

function backward(
  wasm: WasmCall,
  inputs: OutputGradientInputs,
  { nHeads, scale }: Attrs,
  dLastState: number,
): Gradients<Inputs> {
  const { q, k, gk, v, states, dO } = inputs;
  const { batch, length, headK, headV } = sizes(inputs, nHeads);
  const units = batch * nHeads;
  const gradients = {
    q: wasm.output(q.shape),
    k: wasm.output(k.shape),
    gk: wasm.output(gk.shape),
    v: wasm.output(v.shape),
  };
  const pointersOf = (tensors: readonly tf.Tensor[]) => tensors.map((tensor) => wasm.pointer(tensor));
  const pointers = [...pointersOf([q, k, gk, v, states, dO]), dLastState, ...pointersOf(Object.values(gradients))];
  if (wasm.native('glaScanGradient', units, nHeads, length, headK, headV, CHUNK, scale, ...pointers)) return gradients;
  const scratch = wasm.scratch(units * wasm.call('backwardScratch', headK, headV, CHUNK));
  wasm.parallel('backward', units, ...pointers, length, nHeads, headK, headV, CHUNK, scale, scratch);
  return gradients;
}

function sizes({ q, v }: Inputs, nHeads: number) {
  const [batch, length, width] = q.shape;
  return { batch, length, headK: width / nHeads, headV: v.shape[2] / nHeads };
}

/** Bytes of the states of all heads. */
function stateBytes(inputs: Inputs, { nHeads }: Attrs): number {
  const { batch, headK, headV } = sizes(inputs, nHeads);
  return 4 * batch * nHeads * headK * headV;
}
