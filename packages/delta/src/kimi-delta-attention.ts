/**
 * Kimi Delta Attention: the delta rule whose memory decays by a number per key channel and token; q, k, v and beta as in delta-mixer.ts.
 *
 *   f       = x W_fd W_fu [B, L, H K]                                          of low rank
 *   g       = -exp(aLog) softplus(f + dtBias),  or  lowerBound sigmoid(exp(aLog) (f + dtBias))  logarithm of the decay, <= 0; aLog per head
 *   S'_t    = diag(exp(g_t)) S_{t-1};  u_t = beta_t (v_t - S'_t^T k_t);  S_t = S'_t + k_t u_t^T    per head, S [K, V]
 *   o_t     = K^(-1/2) S_t^T q_t
 *   y       = (RMSNorm(o) o sigmoid(x W_gd W_gu + b)) W_o                      norm over the V channels of a head
 *
 * Code to paper: exp(g) is alpha; `headDim` K, `expandV` V / K, `gateLowRank` the rank of f and of the output gate.
 *
 * Sources: 1. Kimi Team 2025 (arXiv 2510.26692), sections 3 and 4. 2. fla-org/flash-linear-attention `layers/kda.py`. 3. Grazzi et
 * al. 2024 (arXiv 2411.12537): `allowNegEigval`. The paper's model has three of these layers to one of full attention without positions.
 * Deviation: weights start as N(0, 0.02), biases at 0, as everywhere in this zoo; fla leaves them to PyTorch's Linear.
 */
import { defineMixer, foldIn, type Mixer, type MixerFactory, tf } from '@mixerzoo/core';
import { createScanMixer, initProjection, linear, type Projection, rmsNormPerHead } from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { initDecayBias, initLogRate, logDecay } from './decay.js';
import {
  createDeltaParts,
  type DeltaParams,
  type DeltaState,
  deltaCheck,
  deltaOptions,
  headsOf,
  withDeltaFilters,
} from './delta-mixer.js';

const schema = z
  .strictObject({
    dModel: z.int().positive().describe('model width d'),
    nHeads: z
      .int()
      .positive()
      .optional()
      .describe('heads H; default the most up to 16 that divide dModel into 16 columns or more each'),
    headDim: z.int().positive().optional().describe('width K of a query or key of a head; default d / H'),
    expandV: z.number().positive().default(1).describe('width V of a value of a head over K'),
    gateLowRank: z.int().positive().optional().describe('rank of the decay and of the output gate; default V'),
    lowerBound: z
      .number()
      .negative()
      .optional()
      .describe('the logarithm of a decay lies between this and 0; default unbounded'),
    ...deltaOptions,
  })
  .check(deltaCheck)
  .transform((config) => {
    const nHeads = config.nHeads ?? headsOf(config.dModel, 16);
    return { ...config, nHeads, headDim: config.headDim ?? config.dModel / nHeads };
  });

/** Options of {@link kimiDeltaAttention}. */
export type KimiDeltaAttentionConfig = z.input<typeof schema>;

/** Those of DeltaNet; fDown [d, r], fUp [r, H K]; aLog [H], dtBias [H K]; gDown [d, r], gUp [r, H V] with a bias. */
export type KimiDeltaAttentionParams = DeltaParams & {
  fDown: Projection;
  fUp: Projection;
  aLog: tf.Tensor1D;
  dtBias: tf.Tensor1D;
  gDown: Projection;
  gUp: Projection;
};

/** `memory` [B, H, K, V]: S after the last token. */
export type KimiDeltaAttentionState = DeltaState;

/**
 * Kimi Delta Attention: `S_t = (I - beta_t k_t k_t^T) diag(a_t) S_{t-1} + beta_t k_t v_t^T`, `o_t = K^(-1/2) S_t^T q_t`, the decay a of every
 * key channel made from the token. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example kimiDeltaAttention({ dModel: 64, nHeads: 2, lowerBound: -5 })
 */
export const kimiDeltaAttention: MixerFactory<
  typeof schema,
  Mixer<KimiDeltaAttentionParams, KimiDeltaAttentionState>
> = defineMixer({
  name: 'kimiDeltaAttention',
  summary: 'Kimi Delta Attention (KDA): the delta rule with a learned decay per key channel.',
  schema,
  withFilters: withDeltaFilters,
  create(config) {
    const { dModel, nHeads, lowerBound, normEps } = config;
    const delta = createDeltaParts('kimiDeltaAttention', config);
    const { headV, keyWidth, valueWidth } = delta;
    const { gateLowRank: rank = headV } = config;
    return createScanMixer({
      noDecay: ['aLog', 'dtBias'],
      init: (seed, nLayers = 1): KimiDeltaAttentionParams => ({
        ...delta.init(seed, nLayers),
        fDown: initProjection([dModel, rank], foldIn(seed, 'fDown')),
        fUp: initProjection([rank, keyWidth], foldIn(seed, 'fUp')),
        aLog: lowerBound === undefined ? initLogRate(nHeads, [1, 16], foldIn(seed, 'aLog')) : tf.zeros([nHeads]),
        dtBias: initDecayBias(keyWidth, foldIn(seed, 'dtBias')),
        gDown: initProjection([dModel, rank], foldIn(seed, 'gDown')),
        gUp: initProjection([rank, valueWidth], foldIn(seed, 'gUp'), { bias: true }),
      }),
      project: (params, x) => ({
        ...delta.project(params, x),
        g: logDecay(linear(linear(x, params.fDown), params.fUp), { ...params, lowerBound }),
        gate: linear(linear(x, params.gDown), params.gUp),
      }),
      filters: delta.filters,
      state: delta.state,
      values: (_, parts) => delta.values(parts),
      scan: (_, parts, past?: Parameters<typeof delta.scan>[1], keepsState?: boolean) =>
        delta.scan(parts, past, keepsState),
      readOut: ({ oNorm, oProj }, o, { gate }) =>
        linear(rmsNormPerHead(o, oNorm, normEps).mul(gate.sigmoid()) as typeof o, oProj),
      flops: (seqLen) => delta.flops(seqLen) + 2 * seqLen * rank * (2 * dModel + keyWidth + valueWidth),
    });
  },
});
