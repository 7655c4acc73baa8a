/**
 * The log-decay of GLA, `logsigmoid(x) / normalizer`, as an op: at most 0, and -x / normalizer for a saturated gate.
 * Gradient: sigmoid(-x) / normalizer.
 */
import type { tf } from '@mixerzoo/core';
import { defineOp } from '@mixerzoo/core/kernels';
import { logDecayGradientReference, logDecayReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link logDecay}. */
export const logDecayOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'LogDecay',
  inputs: ['x'],
  outputs: ['y'],
  reference: logDecayReference,
  kernels: { wasm: wasm.logDecay, webgpu: webgpu.logDecay },
  gradient: {
    reference: logDecayGradientReference,
    kernels: { wasm: wasm.logDecayGradient, webgpu: webgpu.logDecayGradient },
  },
});

/** `logsigmoid(x) / normalizer`, elementwise. */
export function logDecay<T extends tf.Tensor>(x: T, normalizer: number): T {
  return logDecayOp({ x }, { normalizer }).y as T;
}
