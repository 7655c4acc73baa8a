/**
 * GLA: gated linear attention.
 *
 *   q, k = x W_q, x W_k [B, L, d_k];  v, g = x W_v, x W_g [B, L, d_v]
 *   gk   = logsigmoid((x W_down) W_up + b) / gateLogitNormalizer          log-decay per key channel, <= 0
 *   S_t  = diag(exp(gk_t)) S_{t-1} + k_t v_t^T,   o_t = K^(-1/2) q_t^T S_t  per head
 *   y    = (RMSNorm(o) o silu(g)) W_o                                     norm over the V = d_v / H channels of a head
 *
 * Code to paper: `expandK`, `expandV` d_k / d and d_v / d; `gateLowRank` the rank of the gate's projection; exp(gk) is
 * alpha; `gateLogitNormalizer` is tau.
 *
 * Sources: 1. Yang et al. 2024 (arXiv 2312.06635), section 4. 2. fla-org/flash-linear-attention `layers/gla.py`.
 * Deviation: weights start as everywhere in this zoo; fla's layer draws them Xavier-uniform, its models as `init: 'normal'` does.
 */
import { defineMixer, foldIn, type Mixer, type MixerFactory, tf } from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  createFilterOptions,
  createScanMixer,
  gatedRmsNorm,
  initProjection,
  linear,
  type Projection,
  projectionInitOption,
  type ScanState,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { glaScan, glaScanOutput } from './ops/gla-scan/index.js';
import { CHUNK } from './ops/gla-scan/reference.js';
import { logDecay } from './ops/log-decay/index.js';

const { filterOptions, filterCheck, withFilters } = createFilterOptions({ filters: 'none' });

/** d_k or d_v: `expand` dModel, where that is whole up to rounding. */
const expanded = (expand: number, dModel: number) => {
  const width = expand * dModel;
  return Math.abs(width - Math.round(width)) < 1e-6 ? Math.round(width) : width;
};

/** Config of {@link gla}. What is left out is made to fit any width: odd ones have keys of (d - 1) / 2 columns. */
export const glaSchema = z
  .strictObject({
    dModel: z.int().positive().describe('model width d'),
    nHeads: z
      .int()
      .positive()
      .optional()
      .describe('heads H; must divide expandK dModel and expandV dModel; default the most up to 4 that do'),
    expandK: z.number().positive().optional().describe('width of queries and keys over d; default 0.5'),
    expandV: z.number().positive().default(1).describe('width of values and gate over d'),
    gateLowRank: z.int().positive().default(16).describe("rank of the decay's projection"),
    gateLogitNormalizer: z.number().positive().default(16).describe('divides the log-decay'),
    normEps: z.number().positive().default(1e-5).describe('eps of the RMSNorm'),
    ...projectionInitOption,
    ...filterOptions,
  })
  .check(filterCheck)
  .transform(({ dModel, nHeads, expandK = Math.max(1, Math.floor(dModel / 2)) / dModel, ...rest }) => ({
    dModel,
    nHeads: nHeads ?? [4, 3, 2].find((heads) => splits(heads, { dModel, expandK, ...rest })) ?? 1,
    expandK,
    ...rest,
  }))
  .refine((config) => splits(config.nHeads, config), {
    error: ({ input }) => {
      const { dModel, nHeads, expandK, expandV } = input as Record<'dModel' | 'nHeads' | 'expandK' | 'expandV', number>;
      return `expected nHeads to divide expandK dModel and expandV dModel, got ${nHeads}, ${expandK * dModel} and ${expandV * dModel}. Change one of them`;
    },
  });

/** Options of {@link gla}. */
export type GlaConfig = z.input<typeof glaSchema>;

/** True if so many heads divide keys and values. */
function splits(nHeads: number, { dModel, expandK, expandV }: Record<'dModel' | 'expandK' | 'expandV', number>) {
  return [expandK, expandV].every((expand) => {
    const width = expanded(expand, dModel);
    return width > 0 && width % nHeads === 0;
  });
}

/** q, k [d, d_k]; v, g [d, d_v]; gkDown [d, r]; gkUp [r, d_k] with bias [d_k]; gNorm [V]; o [d_v, d]; filters as configured. */
export type GlaParams = ConvolvedProjectionParams & {
  gProj: Projection;
  gkDown: Projection;
  gkUp: Projection;
  gNorm: { weight: tf.Tensor1D };
  oProj: Projection;
};

/** `memory` [B, H, K, V]: S after the last token. */
export type GlaState = ScanState<{ memory: tf.Tensor4D }>;

/**
 * Gated linear attention: `S_t = diag(alpha_t) S_{t-1} + k_t v_t^T`, `o_t = K^(-1/2) q_t^T S_t`, the decay alpha of every key
 * channel made from the token. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example gla({ dModel: 64, nHeads: 2 })
 */
export const gla: MixerFactory<typeof glaSchema, Mixer<GlaParams, GlaState>> = defineMixer({
  name: 'gla',
  summary: 'Gated linear attention: a matrix state with a learned decay per key channel (GLA).',
  schema: glaSchema,
  withFilters,
  create({ dModel, nHeads, expandK, expandV, gateLowRank, gateLogitNormalizer, normEps, init: how, ...filters }) {
    const [keyWidth, valueWidth] = [expanded(expandK, dModel), expanded(expandV, dModel)];
    const [headK, headV] = [keyWidth / nHeads, valueWidth / nHeads];
    const projections = createConvolvedProjections({ dModel, nHeads, keyWidth, valueWidth, init: how, ...filters });

    return createScanMixer({
      init: (seed, nLayers = 1): GlaParams => ({
        ...projections.init(seed),
        gProj: initProjection([dModel, valueWidth], foldIn(seed, 'gProj'), { init: how }),
        gkDown: initProjection([dModel, gateLowRank], foldIn(seed, 'gkDown'), { init: how }),
        gkUp: initProjection([gateLowRank, keyWidth], foldIn(seed, 'gkUp'), { bias: true, init: how }),
        gNorm: { weight: tf.ones([headV]) },
        oProj: initProjection([valueWidth, dModel], foldIn(seed, 'oProj'), { init: how, nLayers }),
      }),
      project: (params, x) => ({
        ...projections.project(params, x),
        gk: logDecay(linear(linear(x, params.gkDown), params.gkUp), gateLogitNormalizer),
        g: linear(x, params.gProj),
      }),
      filters: projections.filters,
      values: { role: 'v', nHeads },
      state: { memory: [nHeads, headK, headV] },
      scan(_, parts, _past?: { memory: tf.Tensor4D }, keepsState?: boolean) {
        if (!keepsState) return { o: glaScanOutput(parts, { nHeads }) };
        const { o, lastState } = glaScan(parts, { nHeads });
        return { o, state: () => ({ memory: lastState }) };
      },
      token(_, { q, k, v, gk }, past) {
        const column = (row: tf.Tensor) => row.reshape<tf.Tensor4D>([-1, nHeads, headK, 1]);
        const added = column(k).mul(v.reshape([-1, nHeads, 1, headV]));
        const memory = past.memory.mul<tf.Tensor4D>(column(gk.exp())).add<tf.Tensor4D>(added);
        const o = memory.mul(column(q.mul(headK ** -0.5))).sum(2);
        return { o: o.reshape<tf.Tensor2D>(v.shape), state: { memory } };
      },
      readOut: ({ gNorm, oProj }, o, { g }) => linear(gatedRmsNorm(o, g, gNorm, { eps: normEps }), oProj),
      flops(seqLen) {
        const gates = dModel * (valueWidth + gateLowRank) + gateLowRank * keyWidth;
        const scan = CHUNK * (keyWidth + valueWidth) + 2 * keyWidth * headV; // chunked form, per token
        return projections.flops(seqLen) + 2 * seqLen * (gates + scan + valueWidth * dModel);
      },
    });
  },
});
