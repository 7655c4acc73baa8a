/**
 * The scan of gated linear attention, as an op. Per head, with state S [K, V]:
 *
 *   S_t = diag(exp(gk_t)) S_{t-1} + k_t v_t^T,   o_t = scale (q_t^T S_t)
 *
 * Gradient, with dS the gradient of S, running backwards from that of the last state:
 *
 *   dS_t = scale q_t do_t^T + diag(exp(gk_{t+1})) dS_{t+1}
 *   dq_t = scale S_t do_t;   dk_t = dS_t v_t;   dv_t = dS_t^T k_t
 *   dgk_t = rowsum(exp(gk_t) S_{t-1} o dS_t)
 *
 * The literature's `dgk_t = sum_{s >= t} (q_s o dq_s - k_s o dk_s)` needs no states, but is rounding noise where a gate is
 * saturated and the gradient small. Here the forward pass keeps the state before every chunk of 16 tokens, from which the backward
 * pass recomputes the others.
 *
 * Source: Yang et al. 2024, "Gated linear attention transformers with hardware-efficient training"
 * (arXiv 2312.06635), section 4 and appendix C; fla-org/flash-linear-attention `ops/gla/naive.py`.
 */
import { defineOp, formatShape, referenceGradient, ShapeError, type tf } from '@mixerzoo/core';
import {
  type GlaScanAttrs,
  type GlaScanGradientInputs,
  type GlaScanGradients,
  type GlaScanInputs,
  type GlaScanOutputs,
  glaScanReference,
} from './reference.js';
import { backwardKernel, forwardKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

export type { GlaScanGradientInputs, GlaScanGradients } from './reference.js';

const INPUTS = ['q', 'k', 'gk', 'v'] as const;

/** Gradients of the scan's inputs from those of its outputs. */
const glaScanGradientOp = defineOp<GlaScanGradientInputs, GlaScanAttrs, GlaScanGradients>({
  name: 'GlaScanGradient',
  inputs: [...INPUTS, 'states', 'dO', 'dLastState'],
  outputs: ['dQ', 'dK', 'dGk', 'dV'],
  reference({ states: _states, dO, dLastState, ...inputs }, attrs) {
    const forward = { reference: glaScanReference, inputs: INPUTS };
    const { q, k, gk, v } = referenceGradient<GlaScanInputs, GlaScanAttrs, Omit<GlaScanOutputs, 'states'>>(
      forward,
      inputs,
      { o: dO, lastState: dLastState },
      attrs,
    );
    return { dQ: q, dK: k, dGk: gk, dV: v } as GlaScanGradients;
  },
  gradient: 'none',
  kernels: { wasm: backwardKernel, webgpu: webgpu.backwardKernel },
});

/** The op behind {@link glaScan}. */
export const glaScanOp = defineOp<GlaScanInputs, GlaScanAttrs, GlaScanOutputs>({
  name: 'GlaScan',
  inputs: INPUTS,
  outputs: ['o', 'lastState'],
  gradientOutputs: ['states'],
  reference: glaScanReference,
  gradient({ inputs, outputs: { states }, grads, attrs }) {
    const given = { ...inputs, states, dO: grads.o, dLastState: grads.lastState };
    const { dQ, dK, dGk, dV } = glaScanGradientOp(given, attrs);
    return { q: dQ, k: dK, gk: dGk, v: dV };
  },
  kernels: { wasm: forwardKernel, webgpu: webgpu.forwardKernel },
});

/** Heads own contiguous columns. */
export interface GlaScanOptions {
  readonly nHeads: number;
  /** Factor of the queries. Default K^(-1/2). */
  readonly scale?: number;
}

/**
 * Scans every sequence from an empty state.
 *
 * @param inputs - q, k, gk [B, L, H K], v [B, L, H V]; gk <= 0 is the logarithm of the decay.
 * @returns o [B, L, H V] and lastState [B, H, K, V].
 * @throws ShapeError
 */
export function glaScan(
  { q, k, gk, v }: { q: tf.Tensor3D; k: tf.Tensor3D; gk: tf.Tensor3D; v: tf.Tensor3D },
  { nHeads, scale }: GlaScanOptions,
): { o: tf.Tensor3D; lastState: tf.Tensor4D } {
  const [batch, length, width] = q.shape;
  const all = [q, k, gk, v];
  const fits =
    all.every((x) => x.rank === 3 && x.shape[0] === batch && x.shape[1] === length && x.shape[2] % nHeads === 0) &&
    k.shape[2] === width &&
    gk.shape[2] === width;
  if (!fits) {
    throw new ShapeError(
      `glaScan: expected q, k, gk [B, L, H K] and v [B, L, H V] with H = ${nHeads}, ` +
        `got ${all.map((x) => formatShape(x.shape)).join(', ')}.`,
    );
  }
  const { o, lastState } = glaScanOp({ q, k, gk, v }, { nHeads, scale: scale ?? (width / nHeads) ** -0.5 });
  return { o: o as tf.Tensor3D, lastState: lastState as tf.Tensor4D };
}
