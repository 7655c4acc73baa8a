/** The gated scan on the wasm engine: kernel.as.ts with its outputs and scratch. */
import type { tf, WasmKernel } from '@mixerzoo/core';
import { code } from './kernel.generated.js';
import {
  CHUNK,
  type GlaScanAttrs,
  type GlaScanGradientInputs,
  type GlaScanGradients,
  type GlaScanInputs,
  type GlaScanOutputs,
} from './reference.js';

export const forwardKernel: WasmKernel<GlaScanInputs, GlaScanAttrs, GlaScanOutputs> = {
  code,
  run(wasm, { q, k, gk, v }, { nHeads, scale }) {
    const { batch, length, headK, headV } = sizes(q, v, nHeads);
    const units = batch * nHeads;
    const o = wasm.output<tf.Rank.R3>([batch, length, nHeads * headV]);
    const lastState = wasm.output<tf.Rank.R4>([batch, nHeads, headK, headV]);
    const states = wasm.output<tf.Rank.R5>([batch, nHeads, Math.ceil(length / CHUNK), headK, headV]);
    const scratch = wasm.scratch(units * wasm.call('forwardScratch', headK, headV));
    const pointers = [q, k, gk, v, o, lastState, states].map((tensor) => wasm.pointer(tensor));
    wasm.parallel('forward', units, ...pointers, length, nHeads, headK, headV, CHUNK, scale, scratch);
    return { o, lastState, states };
  },
};

export const backwardKernel: WasmKernel<GlaScanGradientInputs, GlaScanAttrs, GlaScanGradients> = {
  code,
  run(wasm, { q, k, gk, v, states, dO, dLastState }, { nHeads, scale }) {
    const { batch, length, headK, headV } = sizes(q, v, nHeads);
    const units = batch * nHeads;
    const like = (x: tf.Tensor) => wasm.output<tf.Rank.R3>(x.shape as [number, number, number]);
    const gradients = { dQ: like(q), dK: like(k), dGk: like(gk), dV: like(v) };
    const scratch = wasm.scratch(units * wasm.call('backwardScratch', headK, headV, CHUNK));
    const tensors = [q, k, gk, v, states, dO, dLastState, gradients.dQ, gradients.dK, gradients.dGk, gradients.dV];
    const pointers = tensors.map((tensor) => wasm.pointer(tensor));
    wasm.parallel('backward', units, ...pointers, length, nHeads, headK, headV, CHUNK, scale, scratch);
    return gradients;
  },
};

function sizes(q: tf.Tensor, v: tf.Tensor, nHeads: number) {
  const [batch, length, width] = q.shape as [number, number, number];
  return { batch, length, headK: width / nHeads, headV: (v.shape[2] as number) / nHeads };
}
