/**
 * Retention: linear attention with a fixed decay per head, and rotated queries and keys (RetNet).
 *
 *   q, k = x W_q, x W_k [B, L, H K];   v, g = x W_v, x W_g [B, L, H V]
 *   S_t = gamma_h S_{t-1} + (R_t k_t) v_t^T,   o_t = K^(-1/2) (R_t q_t)^T S_t,   gamma_h = 1 - 2^(-5-h), h = 0 .. H - 1
 *   y   = (RMSNorm(o) o silu(g)) W_o                                     norm over the V channels of a head
 *
 * R_t rotates to position t (RoPE): the "xPos" of the paper is this rotation and the decay. Only differences of positions matter, so
 * a state holds S in the frame of its last token, R_{-t} S_t, and is turned by one position with every token: no position to
 * carry, no angle that grows with the length.
 *
 * All tokens at once are SSD, Mamba-2's scan (`@mixerzoo/mamba`), with a constant step of 1 and A = log gamma.
 *
 * Sources: 1. Sun et al. 2023 (arXiv 2307.08621), section 2. 2. fla-org/flash-linear-attention `layers/multiscale_retention.py`. 3.
 * microsoft/torchscale `component/multiscale_retention.py`.
 * Deviations: the paper's normalisers of the decay mask and of its rows are left out, as they cancel in the norm but for its eps; weights
 * start as everywhere in this zoo, not Xavier-uniform.
 */
import { defineMixer, foldIn, InvalidConfigError, type Mixer, type MixerFactory, tf } from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  createFilterOptions,
  createScanMixer,
  gatedRmsNorm,
  headDimOf,
  initProjection,
  linear,
  type Projection,
  projectionInitOption,
  type ScanState,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { createRotation, NO_ROTATION } from './rotation.js';
import { gammas, retentionScan, retentionScanOutput, scanFlops } from './scan.js';

const { filterOptions, filterCheck, withFilters } = createFilterOptions({ filters: 'none' });

const options = {
  dModel: z.int().positive().describe('model width d'),
  nHeads: z
    .int()
    .positive()
    .optional()
    .describe('heads H, each with a decay of its own; default the most of 8, 4 and 2 that leave an even d / H, else 1'),
  headDim: z.int().positive().optional().describe('columns K of queries and keys per head; default d / H'),
  expandV: z.number().positive().default(2).describe('columns V of values and gate per head, over K'),
  positional: z
    .enum(['rope', 'none'])
    .default('rope')
    .describe('whether queries and keys are rotated to their positions'),
  ropeBase: z.number().gt(1).default(10_000).describe('slowest wavelength of the rotation over 2 pi'),
  layout: z
    .enum(['fla', 'torchscale'])
    .default('fla')
    .describe(
      'columns i and i + K / 2 turn together, the norm has a weight (fla); or 2 i and 2 i + 1, angles base^(-i / (K / 2 - 1)), no weight (torchscale)',
    ),
  normEps: z.number().positive().default(1e-5).describe('eps of the RMSNorm'),
  ...projectionInitOption,
  ...filterOptions,
};

/** Config of {@link retention}. */
export const retentionSchema = z
  .strictObject(options)
  .check(filterCheck)
  .transform(({ nHeads, ...rest }) => ({ nHeads: nHeads ?? headsOf(rest.dModel), ...rest }))
  .check(({ value: { positional, ropeBase }, issues }) => {
    if (positional === 'rope' || ropeBase === options.ropeBase.parse(undefined)) return;
    const message = `expected none without positional 'rope', got ${ropeBase}. It would change nothing: leave it out`;
    issues.push({ code: 'custom', path: ['ropeBase'], message, input: ropeBase });
  });

/** Options of {@link retention}. */
export type RetentionConfig = z.input<typeof retentionSchema>;

function headsOf(dModel: number): number {
  return [8, 4, 2].find((heads) => dModel % (2 * heads) === 0) ?? 1;
}

/** q, k [d, H K]; v, g [d, H V]; gNorm [V], in fla's layout; o [H V, d]; filters as configured. */
export type RetentionParams = ConvolvedProjectionParams & {
  gProj: Projection;
  gNorm?: { weight: tf.Tensor1D };
  oProj: Projection;
};

/** `memory` [B, H, V, K]: S^T after the last token, in that token's frame. */
export type RetentionState = ScanState<{ memory: tf.Tensor4D }>;

/**
 * Retention: `S_t = gamma_h S_{t-1} + k_t v_t^T`, `o_t = K^(-1/2) q_t^T S_t`, with q and k rotated to their positions and a fixed decay
 * gamma_h per head. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example retention({ dModel: 64, nHeads: 4 })
 */
export const retention: MixerFactory<typeof retentionSchema, Mixer<RetentionParams, RetentionState>> = defineMixer({
  name: 'retention',
  summary: 'Retention (RetNet): linear attention with rotated queries and keys and a fixed decay per head.',
  schema: retentionSchema,
  withFilters,
  create({ dModel, nHeads, expandV, positional, ropeBase, layout, normEps, init: how, ...config }) {
    const headK = config.headDim ?? headDimOf(dModel, nHeads);
    const headV = Math.round(expandV * headK);
    if (Math.abs(headV - expandV * headK) > 1e-6 || headV === 0) {
      throw new InvalidConfigError(
        `expandV: expected a whole number of columns expandV K, got ${expandV} times ${headK}. Change one of them.`,
      );
    }
    const { order, rotate, move } = positional === 'rope' ? createRotation(headK, ropeBase, layout) : NO_ROTATION;
    const [keyWidth, valueWidth] = [nHeads * headK, nHeads * headV];
    const projections = createConvolvedProjections({ ...config, dModel, nHeads, keyWidth, valueWidth, init: how });
    const scale = headK ** -0.5;

    return createScanMixer({
      init: (seed, nLayers = 1): RetentionParams => ({
        ...projections.init(seed),
        gProj: initProjection([dModel, valueWidth], foldIn(seed, 'gProj'), { init: how }),
        ...(layout === 'fla' && { gNorm: { weight: tf.ones([headV]) } }),
        oProj: initProjection([valueWidth, dModel], foldIn(seed, 'oProj'), { init: how, nLayers }),
      }),
      project(params, x) {
        const { q, k, v } = projections.project(params, x);
        return { q: order(q), k: order(k), v, g: linear(x, params.gProj) };
      },
      filters: projections.filters,
      values: { role: 'v', nHeads },
      state: { memory: [nHeads, headV, headK] },
      scan(_, parts, _past?: { memory: tf.Tensor4D }, keepsState?: boolean) {
        const tensors = { q: rotate(parts.q), k: rotate(parts.k), v: parts.v };
        if (!keepsState) return { o: retentionScanOutput(tensors, { nHeads }) };
        const { o, lastState } = retentionScan(tensors, { nHeads });
        return { o, state: () => ({ memory: move(lastState, 1 - o.shape[1]) }) };
      },
      token(_, { q, k, v }, past) {
        const row = (x: tf.Tensor2D) => x.reshape<tf.Tensor4D>([-1, nHeads, 1, headK]);
        const added = v.reshape<tf.Tensor4D>([-1, nHeads, headV, 1]).mul<tf.Tensor4D>(row(k));
        const kept = move(past.memory, -1).mul(tf.tensor(gammas(nHeads), [nHeads, 1, 1]));
        const memory = kept.add<tf.Tensor4D>(added);
        const o = memory.mul(row(q.mul(scale))).sum(3);
        return { o: o.reshape<tf.Tensor2D>(v.shape), state: { memory } };
      },
      readOut: ({ gNorm, oProj }, o, { g }) =>
        linear(gatedRmsNorm(o, g, gNorm ?? { weight: tf.ones([headV]) }, { eps: normEps }), oProj),
      flops: (seqLen) =>
        projections.flops(seqLen) + 4 * seqLen * dModel * valueWidth + scanFlops(seqLen, nHeads, headK, headV),
    });
  },
});
