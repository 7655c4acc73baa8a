/**
 * The scan of mLSTM, stabilised, as an op. Per head, with a cell C [K, V], its normaliser n [K] and the logarithm m of their scale:
 *
 *   m_t = max(logF_t + m_{t-1}, i_t)
 *   C_t = e^{logF_t + m_{t-1} - m_t} C_{t-1} + e^{i_t - m_t} k_t v_t^T,   n_t the same with k_t
 *   h_t = C_t^T q'_t / max(|n_t . q'_t|, e^{-m_t}),   q' = scale q
 *
 * Only C e^m, n e^m and h mean something; m keeps them in range. Without an initial state m starts at -infinity.
 *
 * Gradient, per chunk as in reference.ts, with dC and dn those of the state after it; h does not depend on M, which is a constant here:
 *
 *   G_r = dH_r / den_r;   e_r = -sign(n . q') (dH_r . h_r) / den_r where |n . q'| is the denominator, else 0
 *   dP[r, s] = G_r . v_s + e_r;   A = e^{D - M} o dP;   u_s = e^{D[last, s] - m'},   c_r = e^{b_r + m - M_r}
 *   dV_s = sum_r P[r, s] G_r + u_s dC^T k_s;   dK_s = sum_r A[r, s] q'_r + u_s (dC v_s + dn)
 *   dQ'_r = sum_s A[r, s] k_s + c_r (C G_r + e_r n)
 *   dI_s = k_s . dK_s;   dLogF_t = sum_{s < t <= r} P dP [r, s] + sum_{r >= t} q'_r . (dQ'_r of the state)
 *                                  + sum_{s < t} k_s . (dK_s of the state) + e^{b_last + m - m'} (<dC, C> + <dn, n>)
 *
 * so that no term is a difference: a saturated gate's gradient is exact, however small. The gradient of lastM, and of lastC and lastN
 * through it, goes to the token, or the initial state, whose exponent is the largest.
 *
 * Source: Beck et al. 2024, "xLSTM: Extended long short-term memory" (arXiv 2405.04517), equations 19 to 27 and appendix A.3. Deviation:
 * NX-AI/xlstm adds 1e-6 to the denominator, after which h depends on m.
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape } from '@mixerzoo/core/kernels';
import { mLstmScanReference } from './reference.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link mLstmScan}. */
export const mLstmScanOp = defineOp<Inputs, Attrs, Outputs, Saved>({
  name: 'MLstmScan',
  outputs: ['h', 'lastC', 'lastN', 'lastM'],
  ...definition(),
});

/** The op behind {@link mLstmOutput}: as its last state is no result, no gradient of zeros is made for it. */
export const mLstmOutputOp = defineOp<Inputs, Attrs, Pick<Outputs, 'h'>, Saved>({
  name: 'MLstmOutput',
  outputs: ['h'],
  ...definition(),
});

function definition() {
  return {
    inputs: ['q', 'k', 'v', 'i', 'logF', 'initialC', 'initialN', 'initialM'] as const,
    saved: ['h', 'cells', 'norms', 'maxima'] as const,
    reference: mLstmScanReference,
    kernels: { wasm: wasm.scan, webgpu: webgpu.scan },
    gradient: { kernels: { wasm: wasm.scanGradient, webgpu: webgpu.scanGradient } },
  };
}

/** What a head remembers: C [B, H, K, V], n [B, H, K] and m [B, H]; C e^m and n e^m are what it stands for. */
export type MLstmMemory = { readonly c: tf.Tensor4D; readonly n: tf.Tensor3D; readonly m: tf.Tensor2D };

export interface MLstmScanArguments {
  /** [B, L, H K] */
  readonly q: tf.Tensor3D;
  /** [B, L, H K] */
  readonly k: tf.Tensor3D;
  /** [B, L, H V] */
  readonly v: tf.Tensor3D;
  /** [B, L, H], the logarithm of the input gate. */
  readonly i: tf.Tensor3D;
  /** [B, L, H], the logarithm of the forget gate: `logsigmoid(f)`, or f itself for an exponential gate. */
  readonly logF: tf.Tensor3D;
  /** The state before the first token; one that holds nothing if absent. */
  readonly initialState?: MLstmMemory;
}

/** Heads own contiguous columns. */
export interface MLstmScanOptions {
  readonly nHeads: number;
  /** Factor of the queries. Default K^(-1/2). */
  readonly scale?: number;
}

/**
 * Scans every sequence; differentiable in all tensors and through all results.
 *
 * @returns h [B, L, H V] and the state after the last token.
 * @throws ShapeError
 */
export function mLstmScan(
  tensors: MLstmScanArguments,
  options: MLstmScanOptions,
): { h: tf.Tensor3D; lastState: MLstmMemory } {
  const { h, lastC: c, lastN: n, lastM: m } = mLstmScanOp(...checked(tensors, options));
  return { h, lastState: { c, n, m } };
}

/** {@link mLstmScan} where nothing is made of the last state: h [B, L, H V]. */
export function mLstmOutput(tensors: MLstmScanArguments, options: MLstmScanOptions): tf.Tensor3D {
  return mLstmOutputOp(...checked(tensors, options)).h;
}

function checked(
  { q, k, v, i, logF, initialState }: MLstmScanArguments,
  { nHeads, scale }: MLstmScanOptions,
): [Inputs, Attrs] {
  const [batch, length, width] = q.shape;
  const all = [q, k, v, i, logF];
  const fits =
    all.every((x) => x.rank === 3 && x.shape[0] === batch && x.shape[1] === length && x.shape[2] % nHeads === 0) &&
    k.shape[2] === width &&
    [i, logF].every((x) => x.shape[2] === nHeads);
  if (!fits) {
    throw new ShapeError(
      `mLstmScan: expected q, k [B, L, H K], v [B, L, H V] and i, logF [B, L, H] with H = ${nHeads}, ` +
        `got ${all.map((x) => formatShape(x.shape)).join(', ')}.`,
    );
  }
  const [headK, headV] = [width / nHeads, v.shape[2] / nHeads];
  const { c: initialC, n: initialN, m: initialM } = initialState ?? {};
  const expected: [string, tf.Tensor | undefined, number[]][] = [
    ['c', initialC, [batch, nHeads, headK, headV]],
    ['n', initialN, [batch, nHeads, headK]],
    ['m', initialM, [batch, nHeads]],
  ];
  for (const [name, tensor, shape] of expected) {
    if (initialState && !(tensor && tf.util.arraysEqual(tensor.shape, shape))) {
      throw new ShapeError(
        `mLstmScan: expected ${name} of the initial state ${formatShape(shape)}, got ${tensor ? formatShape(tensor.shape) : 'none'}.`,
      );
    }
  }
  return [
    { q, k, v, i, logF, initialC, initialN, initialM },
    { nHeads, scale: scale ?? headK ** -0.5 },
  ];
}
