/**
 * DeltaNet: linear attention whose memory is corrected instead of added to.
 *
 *   q, k, v = silu(filter(x W_q)), silu(filter(x W_k)), silu(filter(x W_v))     q, k [B, L, H K], v [B, L, H V]
 *   q, k   <- q / |q|, k / |k|                                                 per head
 *   beta    = sigmoid(x W_b) [B, L, H], times 2 with `allowNegEigval`
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
import { defineMixer, foldIn, InvalidConfigError, type Mixer, type MixerFactory, tf } from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  createFilterOptions,
  createScanMixer,
  initProjection,
  l2Norm,
  linear,
  type Projection,
  rmsNormPerHead,
  type ScanState,
  silu,
} from '@mixerzoo/core/blocks';
import { z } from 'zod';
import { deltaRule } from './ops/delta-rule/index.js';
import { CHUNK } from './ops/delta-rule/reference.js';

const { filterOptions, filterCheck } = createFilterOptions({
  filters: 'perChannel',
  filterWidth: 4,
  filterInit: 'uniform',
});

const schema = z
  .strictObject({
    dModel: z.int().positive().describe('model width d'),
    nHeads: z.int().positive().optional().describe('heads H; default the most up to 4 that divide dModel'),
    headDim: z.int().positive().optional().describe('width K of a query or key of a head; default d / H'),
    expandV: z.number().positive().default(1).describe('width V of a value of a head over K'),
    allowNegEigval: z.boolean().default(false).describe('beta up to 2: eigenvalues of the transition down to -1'),
    normEps: z.number().positive().default(1e-5).describe('eps of the RMSNorm'),
    ...filterOptions,
  })
  .check(filterCheck)
  .transform((config) => {
    const nHeads = config.nHeads ?? [4, 3, 2].find((heads) => config.dModel % heads === 0) ?? 1;
    return { ...config, nHeads, headDim: config.headDim ?? config.dModel / nHeads };
  });

/** q, k [d, H K]; v [d, H V]; b [d, H]; oNorm [V]; o [H V, d]; filters as configured. */
export type DeltaNetParams = ConvolvedProjectionParams & {
  bProj: Projection;
  oNorm: { weight: tf.Tensor1D };
  oProj: Projection;
};

/** `memory` [B, H, K, V]: S after the last token. */
export type DeltaNetState = ScanState<{ memory: tf.Tensor4D }>;

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
  create(config) {
    const { dModel, nHeads, headDim: headK, expandV, allowNegEigval, normEps } = config;
    const headV = Math.round(headK * expandV);
    if (!Number.isInteger(headK) || Math.abs(headV - headK * expandV) > 1e-6 || headV === 0) {
      throw new InvalidConfigError(
        `deltaNet: expected whole widths of heads, got ${headK} of keys and ${headK * expandV} of values. Change nHeads, headDim or expandV.`,
      );
    }
    const [keyWidth, valueWidth] = [nHeads * headK, nHeads * headV];
    const projections = createConvolvedProjections({ ...config, keyWidth, valueWidth });

    const unitRows = <T extends tf.Tensor>(x: T): T =>
      l2Norm(silu(x).reshape([...x.shape.slice(0, -1), nHeads, headK])).reshape(x.shape) as T;

    return createScanMixer({
      init: (seed, nLayers = 1): DeltaNetParams => ({
        ...projections.init(seed),
        bProj: initProjection([dModel, nHeads], foldIn(seed, 'bProj')),
        oNorm: { weight: tf.ones([headV]) },
        oProj: initProjection([valueWidth, dModel], foldIn(seed, 'oProj'), { nLayers }),
      }),
      project: (params, x) => ({ ...projections.project(params, x), b: linear(x, params.bProj) }),
      filters: projections.filters,
      state: { memory: [nHeads, headK, headV] },
      scan(_, { q, k, v, b }, past?: { memory: tf.Tensor4D }) {
        const beta = tf.sigmoid(b).mul<tf.Tensor3D>(allowNegEigval ? 2 : 1);
        const { o, lastState } = deltaRule(
          { q: unitRows(q), k: unitRows(k), v: silu(v), beta, ...(past && { initialState: past.memory }) },
          { nHeads },
        );
        return { o, state: () => ({ memory: lastState }) };
      },
      readOut: ({ oNorm, oProj }, o) => linear(rmsNormPerHead(o, oNorm, normEps), oProj),
      flops(seqLen) {
        // Chunked form, per token of a head: k . k, q . k, the triangular system, what is written within the chunk; three with S.
        const scan = CHUNK * (2 * headK + headV) + ((CHUNK - 1) / 2) * (headK + headV) + 3 * headK * headV;
        return projections.flops(seqLen) + 2 * seqLen * (dModel * nHeads + nHeads * scan + valueWidth * dModel);
      },
    });
  },
});
