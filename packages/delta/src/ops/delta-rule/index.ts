/**
 * The delta rule, as an op. Per head, with state S [K, V]:
 *
 *   r_t = v_t - S_{t-1}^T k_t,   S_t = S_{t-1} + k_t (beta_t r_t)^T,   o_t = scale (S_t^T q_t)
 *
 * Gradient, with dS the gradient of S, running backwards from that of the last state, and u = beta r:
 *
 *   dS_t    = scale q_t dO_t^T + dS'_{t+1};   du_t = dS_t^T k_t
 *   dQ_t    = scale S_t dO_t;   dV_t = beta_t du_t;   dBeta_t = du_t . r_t
 *   dK_t    = dS_t u_t - S_{t-1} dV_t;   dS'_t = dS_t - k_t dV_t^T
 *
 * S_{t-1} is S_t - k_t u_t^T: the backward pass goes back from the state kept after every chunk of 16 tokens, so that
 * rounding adds up over a chunk at most. The residual r is kept too, a number for every value.
 *
 * Source: Yang et al. 2024 (arXiv 2406.06484), sections 2 and 3; fla-org/flash-linear-attention `ops/delta_rule/naive.py`.
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { deltaRuleReference } from './reference.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import * as wasm from './wasm.js';

/** The op behind {@link deltaRule}. */
export const deltaRuleOp = defineOp<Inputs, Attrs, Outputs, Saved>({
  name: 'DeltaRule',
  inputs: ['q', 'k', 'v', 'beta', 'initialState'],
  outputs: ['o', 'lastState'],
  saved: ['residual', 'states'],
  reference: deltaRuleReference,
  kernels: { wasm: wasm.deltaRule },
  gradient: { kernels: { wasm: wasm.deltaRuleGradient } },
});

/** Heads own contiguous columns. */
export interface DeltaRuleOptions {
  readonly nHeads: number;
  /** Factor of the queries. Default K^(-1/2). */
  readonly scale?: number;
}

/**
 * Scans every sequence, from the given state or from an empty one.
 *
 * @param inputs - q, k [B, L, H K], v [B, L, H V], beta [B, L, H]; the scan grows without bound where beta |k|^2 > 2.
 *   initialState [B, H, K, V], if there is one.
 * @returns o [B, L, H V] and lastState [B, H, K, V].
 * @throws ShapeError
 */
export function deltaRule(
  { q, k, v, beta, initialState }: Omit<Inputs, 'initialState'> & Partial<Inputs>,
  { nHeads, scale }: DeltaRuleOptions,
): Outputs {
  const [batch, length, width] = q.shape;
  const all = [q, k, v, beta];
  const fits =
    all.every((x) => x.rank === 3 && x.shape[0] === batch && x.shape[1] === length && x.shape[2] % nHeads === 0) &&
    k.shape[2] === width &&
    beta.shape[2] === nHeads;
  if (!fits) {
    throw new ShapeError(
      `deltaRule: expected q, k [B, L, H K], v [B, L, H V] and beta [B, L, H] with H = ${nHeads}, ` +
        `got ${all.map((x) => formatShape(x.shape)).join(', ')}.`,
    );
  }
  const state = [batch, nHeads, width / nHeads, v.shape[2] / nHeads];
  if (initialState && !tf.util.arraysEqual(initialState.shape, state)) {
    throw new ShapeError(
      `deltaRule: expected initialState ${formatShape(state)}, got ${formatShape(initialState.shape)}.`,
    );
  }
  return deltaRuleOp({ q, k, v, beta, initialState }, { nHeads, scale: scale ?? (width / nHeads) ** -0.5 });
}
