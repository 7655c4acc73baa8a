/**
 * Gated DeltaNet: the delta rule whose memory also decays, by a number per head and token; q, k, v and beta as in delta-mixer.ts.
 *
 *   g       = -exp(aLog) softplus(x W_a + dtBias) [B, L, H]                    logarithm of the decay, <= 0
 *   S'_t    = exp(g_t) S_{t-1};  u_t = beta_t (v_t - S'_t^T k_t);  S_t = S'_t + k_t u_t^T      per head, S [K, V]
 *   o_t     = K^(-1/2) S_t^T q_t
 *   y       = (RMSNorm(o) o silu(x W_g)) W_o                                   norm over the V channels of a head
 *
 * Code to paper: exp(g) is alpha; `headDim` K, `expandV` V / K; the state is the transpose of the paper's.
 *
 * Sources: 1. Yang, Kautz, Hatamizadeh 2024 (arXiv 2412.06464), section 3. 2. fla-org/flash-linear-attention
 * `layers/gated_deltanet.py`. 3. Grazzi et al. 2024 (arXiv 2411.12537): `allowNegEigval`.
 * Deviation: weights start as N(0, 0.02), as everywhere in this zoo; fla leaves them to PyTorch's Linear.
 */
import { defineMixer, foldIn, type Mixer, type MixerFactory, type tf } from '@mixerzoo/core';
import {
  createScanMixer,
  gatedRmsNorm,
  initProjection,
  linear,
  type Projection,
  rmsNormPerHead,
} from '@mixerzoo/core/blocks';
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
      .describe('heads H; default the most up to 6 that divide 3 / 4 d columns into 16 or more each'),
    headDim: z
      .int()
      .positive()
      .optional()
      .describe('width K of a query or key of a head; default 3 / 4 d / H, rounded'),
    expandV: z.number().positive().default(2).describe('width V of a value of a head over K'),
    useGate: z.boolean().default(true).describe('whether outputs are gated'),
    ...deltaOptions,
  })
  .check(deltaCheck)
  .transform((config) => {
    const keyWidth = 0.75 * config.dModel;
    const nHeads = config.nHeads ?? headsOf(Math.round(keyWidth), 6);
    return { ...config, nHeads, headDim: config.headDim ?? Math.max(1, Math.round(keyWidth / nHeads)) };
  });

/** Options of {@link gatedDeltaNet}. */
export type GatedDeltaNetConfig = z.input<typeof schema>;

/** Those of DeltaNet; a [d, H]; aLog, dtBias [H]; g [d, H V] if outputs are gated. */
export type GatedDeltaNetParams = DeltaParams & {
  aProj: Projection;
  aLog: tf.Tensor1D;
  dtBias: tf.Tensor1D;
  gProj?: Projection;
};

/** `memory` [B, H, K, V]: S after the last token. */
export type GatedDeltaNetState = DeltaState;

/**
 * Gated DeltaNet: `S_t = a_t S_{t-1} + beta_t k_t (v_t - a_t S_{t-1}^T k_t)^T`, `o_t = K^(-1/2) S_t^T q_t`, the decay a of every head made
 * from the token: what the memory holds for a key is replaced, and all of it can be cleared. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example gatedDeltaNet({ dModel: 64, nHeads: 2 })
 */
export const gatedDeltaNet: MixerFactory<typeof schema, Mixer<GatedDeltaNetParams, GatedDeltaNetState>> = defineMixer({
  name: 'gatedDeltaNet',
  summary: 'Gated DeltaNet: the delta rule with a learned decay per head.',
  schema,
  withFilters: withDeltaFilters,
  create(config) {
    const { dModel, nHeads, useGate, normEps } = config;
    const delta = createDeltaParts('gatedDeltaNet', config);
    const { valueWidth } = delta;
    return createScanMixer({
      noDecay: ['aLog', 'dtBias'],
      init: (seed, nLayers = 1): GatedDeltaNetParams => ({
        ...delta.init(seed, nLayers),
        aProj: initProjection([dModel, nHeads], foldIn(seed, 'aProj')),
        aLog: initLogRate(nHeads, [0, 16], foldIn(seed, 'aLog')),
        dtBias: initDecayBias(nHeads, foldIn(seed, 'dtBias')),
        ...(useGate && { gProj: initProjection([dModel, valueWidth], foldIn(seed, 'gProj')) }),
      }),
      project: (params, x) => ({
        ...delta.project(params, x),
        g: logDecay(linear(x, params.aProj), params),
        ...((params.gProj && { gate: linear(x, params.gProj) }) as { gate: typeof x }),
      }),
      filters: delta.filters,
      state: delta.state,
      values: (_, parts) => delta.values(parts),
      scan: (_, parts, past?: Parameters<typeof delta.scan>[1], keepsState?: boolean) =>
        delta.scan(parts, past, keepsState),
      readOut: ({ oNorm, oProj }, o, { gate }) =>
        linear(useGate ? gatedRmsNorm(o, gate, oNorm, { eps: normEps }) : rmsNormPerHead(o, oNorm, normEps), oProj),
      flops: (seqLen) => delta.flops(seqLen) + 2 * seqLen * dModel * (nHeads + (useGate ? valueWidth : 0)),
    });
  },
});
