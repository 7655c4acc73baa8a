/**
 * The gated delta rule, as an op. Per head, with state S [K, V] and decays a_t = exp(g_t): none, one, or one per key channel,
 *
 *   S'_t = diag(a_t) S_{t-1};   r_t = v_t - S'_t^T k_t;   S_t = S'_t + k_t (beta_t r_t)^T;   o_t = scale (S_t^T q_t)
 *
 * Gradient, with dS the gradient of S, running backwards from that of the last state, and u = beta r:
 *
 *   dS_t    = scale q_t dO_t^T + diag(a_{t+1}) dS'_{t+1};   du_t = dS_t^T k_t
 *   dQ_t    = scale S_t dO_t;   dV_t = beta_t du_t;   dBeta_t = du_t . r_t
 *   dK_t    = dS_t u_t - S'_t dV_t;   dS'_t = dS_t - k_t dV_t^T;   dG_t = rowsum(dS'_t o S'_t)
 *
 * All forms but that of webgpu go chunk by chunk, and none has a positive exponent, nor a difference of sums of g. dG_t is the sum of
 * what passes from before t to t or after it: reads of the state by rows from t on, writes to it by rows before t, pairs of both, and
 * what goes through. The literature's `sum_{r >= t} (q_r o dQ_r + k_r o (dK_r' - dK_r''))` is rounding noise at a saturated gate.
 *
 * Sources: 1. Yang et al. 2024 (arXiv 2406.06484), sections 2 and 3. 2. Yang, Kautz, Hatamizadeh 2024 (arXiv 2412.06464), section 3.
 * 3. Kimi Team 2025 (arXiv 2510.26692), section 3. 4. fla-org/flash-linear-attention `ops/{delta_rule,gated_delta_rule,kda}/naive.py`.
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { deltaRuleReference } from './reference.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link deltaRule}. */
export const deltaRuleOp = defineOp<Inputs, Attrs, Outputs, Saved>({
  name: 'DeltaRule',
  inputs: ['q', 'k', 'v', 'beta', 'g', 'initialState'],
  outputs: ['o', 'lastState'],
  saved: ['residual', 'states'],
  reference: deltaRuleReference,
  kernels: { wasm: wasm.deltaRule, webgpu: webgpu.deltaRule },
  gradient: { kernels: { wasm: wasm.deltaRuleGradient, webgpu: webgpu.deltaRuleGradient } },
});

/** The op behind {@link deltaRuleOutput}: as its last state is no result, no gradient of zeros is made for it. */
export const deltaRuleOutputOp = defineOp<Inputs, Attrs, Pick<Outputs, 'o'>, Saved>({
  name: 'DeltaRuleOutput',
  inputs: ['q', 'k', 'v', 'beta', 'g', 'initialState'],
  outputs: ['o'],
  saved: ['residual', 'states'],
  reference(inputs, attrs) {
    const { o, residual, states } = deltaRuleReference(inputs, attrs);
    return { o, residual, states };
  },
  kernels: { wasm: wasm.deltaRuleOutput, webgpu: webgpu.deltaRuleOutput },
  gradient: { kernels: { wasm: wasm.deltaRuleGradient, webgpu: webgpu.deltaRuleGradient } },
});

/** What a scan is given: without decays, and from an empty state, if left out. */
type Scanned = Omit<Inputs, 'g' | 'initialState'> & Partial<Inputs>;

/** Heads own contiguous columns. */
export interface DeltaRuleOptions {
  readonly nHeads: number;
  /** Factor of the queries. Default K^(-1/2). */
  readonly scale?: number;
}

/**
 * Scans every sequence, from the given state or from an empty one.
 *
 * @param inputs - q, k [B, L, H K], v [B, L, H V], beta [B, L, H]; the scan grows without bound where beta |k|^2 > 2. g <= 0, the
 *   logarithm of the decay, [B, L, H] for one per head (Gated DeltaNet) or [B, L, H K] for one per key channel (Kimi Delta Attention);
 *   left out, nothing decays (DeltaNet). initialState [B, H, K, V], if there is one.
 * @returns o [B, L, H V] and lastState [B, H, K, V].
 * @throws ShapeError
 */
export function deltaRule(inputs: Scanned, options: DeltaRuleOptions): Outputs {
  return deltaRuleOp(...checked(inputs, options));
}

/** {@link deltaRule} where nothing is made of the last state: o [B, L, H V]. */
export function deltaRuleOutput(inputs: Scanned, options: DeltaRuleOptions): tf.Tensor3D {
  return deltaRuleOutputOp(...checked(inputs, options)).o;
}

/** What the op takes. @throws ShapeError */
function checked({ q, k, v, beta, g, initialState }: Scanned, { nHeads, scale }: DeltaRuleOptions): [Inputs, Attrs] {
  const [batch, length, width] = q.shape;
  const all = [q, k, v, beta];
  const isOfTokens = (x: tf.Tensor) => x.rank === 3 && x.shape[0] === batch && x.shape[1] === length;
  const fits =
    all.every((x) => isOfTokens(x) && x.shape[2] % nHeads === 0) && k.shape[2] === width && beta.shape[2] === nHeads;
  if (!fits) {
    throw new ShapeError(
      `deltaRule: expected q, k [B, L, H K], v [B, L, H V] and beta [B, L, H] with H = ${nHeads}, ` +
        `got ${all.map((x) => formatShape(x.shape)).join(', ')}.`,
    );
  }
  if (g && !(isOfTokens(g) && [nHeads, width].includes(g.shape[2]))) {
    throw new ShapeError(
      `deltaRule: expected g ${formatShape([batch, length, nHeads])} or ${formatShape([batch, length, width])}, got ${formatShape(g.shape)}.`,
    );
  }
  const state = [batch, nHeads, width / nHeads, v.shape[2] / nHeads];
  if (initialState && !tf.util.arraysEqual(initialState.shape, state)) {
    throw new ShapeError(
      `deltaRule: expected initialState ${formatShape(state)}, got ${formatShape(initialState.shape)}.`,
    );
  }
  return [
    { q, k, v, beta, g, initialState },
    { nHeads, scale: scale ?? (width / nHeads) ** -0.5 },
  ];
}
