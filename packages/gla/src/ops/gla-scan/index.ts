/**
 * The scan of gated linear attention, as an op. Per head, with state S [K, V]:
 *
 *   S_t = diag(exp(gk_t)) S_{t-1} + k_t v_t^T,   o_t = scale (q_t^T S_t)
 *
 * Gradient, with dS the gradient of S, running backwards from that of the last state:
 *
 *   dS_t = scale q_t dO_t^T + diag(exp(gk_{t+1})) dS_{t+1}
 *   dQ_t = scale S_t dO_t;   dK_t = dS_t v_t;   dV_t = dS_t^T k_t
 *   dGk_t = rowsum(exp(gk_t) S_{t-1} o dS_t)
 *
 * The literature's `dGk_t = sum_{s >= t} (q_s o dQ_s - k_s o dK_s)` needs no states, but is rounding noise where a gate is
 * saturated and the gradient small. Here the forward pass keeps the state before every chunk of 16 tokens, from which the backward
 * pass recomputes the others.
 *
 * Source: Yang et al. 2024, "Gated linear attention transformers with hardware-efficient training"
 * (arXiv 2312.06635), section 4 and appendix C; fla-org/flash-linear-attention `ops/gla/naive.py`.
 */
import { ShapeError, type tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { glaScanReference } from './reference.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link glaScan}. */
export const glaScanOp = defineOp<Inputs, Attrs, Outputs, Saved>({
  name: 'GlaScan',
  inputs: ['q', 'k', 'gk', 'v'],
  outputs: ['o', 'lastState'],
  saved: ['states'],
  reference: glaScanReference,
  kernels: { wasm: wasm.scan, webgpu: webgpu.scan },
  gradient: { kernels: { wasm: wasm.scanGradient, webgpu: webgpu.scanGradient } },
});

/** The op behind {@link glaScanOutput}: as its last state is no result, no gradient of zeros is made for it. */
export const glaScanOutputOp = defineOp<Inputs, Attrs, Pick<Outputs, 'o'>, Saved>({
  name: 'GlaScanOutput',
  inputs: ['q', 'k', 'gk', 'v'],
  outputs: ['o'],
  saved: ['states'],
  reference(inputs, attrs) {
    const { o, states } = glaScanReference(inputs, attrs);
    return { o, states };
  },
  kernels: { wasm: wasm.scanOutput, webgpu: webgpu.scanOutput },
  gradient: { kernels: { wasm: wasm.scanOutputGradient, webgpu: webgpu.scanOutputGradient } },
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
export function glaScan(inputs: Inputs, options: GlaScanOptions): Outputs {
  return glaScanOp(inputs, attrsOf(inputs, options));
}

/** {@link glaScan} where nothing is made of the last state: o [B, L, H V]. */
export function glaScanOutput(inputs: Inputs, options: GlaScanOptions): tf.Tensor3D {
  return glaScanOutputOp(inputs, attrsOf(inputs, options)).o;
}

function attrsOf({ q, k, gk, v }: Inputs, { nHeads, scale }: GlaScanOptions): Attrs {
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
  return { nHeads, scale: scale ?? (width / nHeads) ** -0.5 };
}
