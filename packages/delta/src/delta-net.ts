/**
 * DeltaNet: linear attention whose memory is corrected instead of added to; q, k, v and beta as in delta-mixer.ts.
 *
 *   u_t     = beta_t (v_t - S_{t-1}^T k_t),  S_t = S_{t-1} + k_t u_t^T         per head, S [K, V]
 *   o_t     = K^(-1/2) S_t^T q_t
 *   y       = RMSNorm(o) W_o                                                   norm over the V channels of a head
 *
 * Code to paper: `headDim` K, `expandV` V / K; the state is the transpose of the paper's.
 *
 * Sources: 1. Yang et al. 2024 (arXiv 2406.06484), sections 2 and 3. 2. Schlag et al. 2021 (arXiv 2102.11174), section 4.2.
 * 3. fla-org/flash-linear-attention `layers/delta_net.py`. 4. Grazzi et al. 2024 (arXiv 2411.12537): `allowNegEigval`.
 * Deviation: weights start as N(0, 0.02), as everywhere in this zoo; fla leaves them to PyTorch's Linear.
 */
import { defineMixer, type Mixer, type MixerFactory } from '@mixerzoo/core';
import { createScanMixer, linear, rmsNormPerHead } from '@mixerzoo/core/blocks';
import * as z from 'zod';
import {
  createDeltaParts,
  type DeltaParams,
  type DeltaState,
  deltaCheck,
  deltaOptions,
  withDeltaFilters,
} from './delta-mixer.js';

const schema = z
  .strictObject({
    dModel: z.int().positive().describe('model width d'),
    nHeads: z.int().positive().optional().describe('heads H; default the most up to 4 that divide dModel'),
    headDim: z.int().positive().optional().describe('width K of a query or key of a head; default d / H'),
    expandV: z.number().positive().default(1).describe('width V of a value of a head over K'),
    ...deltaOptions,
  })
  .check(deltaCheck)
  .transform((config) => {
    const nHeads = config.nHeads ?? [4, 3, 2].find((heads) => config.dModel % heads === 0) ?? 1;
    return { ...config, nHeads, headDim: config.headDim ?? config.dModel / nHeads };
  });

/** Options of {@link deltaNet}. */
export type DeltaNetConfig = z.input<typeof schema>;

/** q, k [d, H K]; v [d, H V]; b [d, H]; oNorm [V]; o [H V, d]; filters as configured. */
export type DeltaNetParams = DeltaParams;

/** `memory` [B, H, K, V]: S after the last token. */
export type DeltaNetState = DeltaState;

/**
 * DeltaNet: `S_t = S_{t-1} + beta_t k_t (v_t - S_{t-1}^T k_t)^T`, `o_t = K^(-1/2) S_t^T q_t`: what the memory holds for a key is
 * replaced. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example deltaNet({ dModel: 64, nHeads: 2 })
 */
export const deltaNet: MixerFactory<typeof schema, Mixer<DeltaNetParams, DeltaNetState>> = defineMixer({
  name: 'deltaNet',
  summary: 'DeltaNet: linear attention that replaces what its memory holds for a key (the delta rule).',
  schema,
  withFilters: withDeltaFilters,
  create(config) {
    const delta = createDeltaParts('deltaNet', config);
    return createScanMixer({
      init: (seed, nLayers = 1): DeltaNetParams => delta.init(seed, nLayers),
      project: delta.project,
      filters: delta.filters,
      state: delta.state,
      values: (_, parts) => delta.values(parts),
      scan: (_, parts, past?: Parameters<typeof delta.scan>[1], keepsState?: boolean) =>
        delta.scan(parts, past, keepsState),
      readOut: ({ oNorm, oProj }, o) => linear(rmsNormPerHead(o, oNorm, config.normEps), oProj),
      flops: delta.flops,
    });
  },
});
