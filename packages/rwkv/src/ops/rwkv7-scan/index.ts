/**
 * The recurrence of RWKV-7, as an op. Per head, with state S [K, V]:
 *
 *   u_t = S_{t-1}^T kappa_t                                                  what is held for a key, before the decay
 *   S_t = diag(exp(g_t)) S_{t-1} - (a_t o kappa_t) u_t^T + k_t v_t^T,   o_t = S_t^T r_t
 *
 * a diagonal matrix plus one of rank 1 as transition (DPLR). Gradient, with dS the gradient of S, running backwards from that of the
 * last state, and b = a o kappa:
 *
 *   dS_t = r_t dO_t^T + dS'_{t+1};   du_t = -dS_t^T b_t
 *   dR_t = S_t dO_t;   dK_t = dS_t v_t;   dV_t = dS_t^T k_t;   db_t = -dS_t u_t
 *   dG_t = exp(g_t) o rowsum(S_{t-1} o dS_t);   dKappa_t = S_{t-1} du_t + a_t o db_t;   dA_t = kappa_t o db_t
 *   dS'_t = diag(exp(g_t)) dS_t + kappa_t du_t^T
 *
 * The transition may be singular (an eigenvalue is about w - a), so that no state follows from the one after it: the forward pass keeps
 * the state before every chunk of 16 tokens and every u, from which the backward pass makes the others again.
 *
 * Source: Peng et al. 2025 (arXiv 2503.14456), equations 15 to 17; fla-org/flash-linear-attention
 * `ops/generalized_delta_rule/dplr/naive.py`.
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { rwkv7ScanReference } from './reference.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link rwkv7Scan}. */
export const rwkv7ScanOp = defineOp<Inputs, Attrs, Outputs, Saved>({
  name: 'Rwkv7Scan',
  outputs: ['o', 'lastState'],
  saved: ['removed', 'states'],
  ...definition(),
});

/** The op behind {@link rwkv7ScanOutput}: as its last state is no result, no gradient of zeros is made for it. */
export const rwkv7ScanOutputOp = defineOp<Inputs, Attrs, Pick<Outputs, 'o'>, Saved & Pick<Outputs, 'lastState'>>({
  name: 'Rwkv7ScanOutput',
  outputs: ['o'],
  saved: ['removed', 'states', 'lastState'],
  ...definition(),
});

function definition() {
  return {
    inputs: ['r', 'g', 'k', 'v', 'kappa', 'a', 'initialState'] as const,
    reference: rwkv7ScanReference,
    kernels: { wasm: wasm.rwkv7Scan, webgpu: webgpu.rwkv7Scan },
    gradient: { kernels: { wasm: wasm.rwkv7ScanGradient, webgpu: webgpu.rwkv7ScanGradient } },
  };
}

/** Heads own contiguous columns. */
export interface Rwkv7ScanOptions {
  readonly nHeads: number;
}

/** As the op's, where the state may be left out. */
type ScanTensors = Omit<Inputs, 'initialState'> & Partial<Inputs>;

/**
 * Scans every sequence, from the given state or from an empty one.
 *
 * @param inputs - r, k, kappa, a [B, L, H K], v [B, L, H V]; g [B, L, H K], the logarithm of the decay, from 0 down to -10 (the reference
 *   form overflows beyond; RWKV-7's is -0.607 at least). The scan stays bounded where kappa has unit norm and a is in [0, 1].
 *   initialState [B, H, K, V], if there is one.
 * @returns o [B, L, H V] and lastState [B, H, K, V].
 * @throws ShapeError
 */
export function rwkv7Scan(tensors: ScanTensors, options: Rwkv7ScanOptions): Outputs {
  return rwkv7ScanOp(checked(tensors, options), { nHeads: options.nHeads });
}

/** {@link rwkv7Scan} where nothing is made of the last state: o [B, L, H V]. @throws ShapeError */
export function rwkv7ScanOutput(tensors: ScanTensors, options: Rwkv7ScanOptions): tf.Tensor3D {
  return rwkv7ScanOutputOp(checked(tensors, options), { nHeads: options.nHeads }).o;
}

function checked({ r, g, k, v, kappa, a, initialState }: ScanTensors, { nHeads }: Rwkv7ScanOptions): Inputs {
  const [batch, length, width] = r.shape;
  const all = [r, g, k, kappa, a, v];
  const fits =
    all.every((x) => x.rank === 3 && x.shape[0] === batch && x.shape[1] === length && x.shape[2] % nHeads === 0) &&
    [g, k, kappa, a].every((x) => x.shape[2] === width);
  if (!fits) {
    throw new ShapeError(
      `rwkv7Scan: expected r, g, k, kappa, a [B, L, H K] and v [B, L, H V] with H = ${nHeads}, ` +
        `got ${all.map((x) => formatShape(x.shape)).join(', ')}.`,
    );
  }
  const state = [batch, nHeads, width / nHeads, v.shape[2] / nHeads];
  if (initialState && !tf.util.arraysEqual(initialState.shape, state)) {
    throw new ShapeError(
      `rwkv7Scan: expected initialState ${formatShape(state)}, got ${formatShape(initialState.shape)}.`,
    );
  }
  return { r, g, k, v, kappa, a, initialState };
}
