/**
 * Decayed sum: the template for your op.
 *
 *   y_t = a o y_{t-1} + x_t     x, y [B, L, d], a [d]
 *
 * Source: none; put the paper and its equation numbers here.
 */
import type { tf } from '@mixerzoo/core';
import { defineOp } from '@mixerzoo/core/kernels';
import { decayedSumReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';

/** The op behind {@link decayedSum}. */
export const decayedSumOp = defineOp<Inputs, Attrs, Outputs, Outputs>({
  name: 'DecayedSum',
  inputs: ['x', 'decay'],
  outputs: ['y'],
  reference: decayedSumReference,
  saved: ['y'],
  kernels: { wasm: wasm.decayedSum },
  gradient: { kernels: { wasm: wasm.decayedSumGradient } },
});

/** `y_t = decay y_{t-1} + x_t` for x [B, L, d] and decay [d]. */
export function decayedSum(x: tf.Tensor3D, decay: tf.Tensor1D): tf.Tensor3D {
  return decayedSumOp({ x, decay }, {}).y;
}
