/**
 * Based: linear attention with a second-order Taylor feature map.
 *
 *   Q = x W_q, K = x W_k [B, L, H f];  V = x W_v [B, L, H p];  y = taylorAttention(Q, K, V) W_o
 *
 * Code to paper: `featureDim` is f (d' in the paper), `headDim` p = d / H. Recurrent form: the state holds
 * sum_s phi(k_s) [v_s, 1]^T with the packed features, H (p + 1) D_phi numbers whatever the length.
 *
 * Sources: 1. Arora et al. 2024 (arXiv 2402.18668). 2. HazyResearch/zoology `mixers/based.py`,
 * `feature_maps/taylor.py` (same function; there f^2 + f + 1 unpacked features).
 * Deviation: the output projection starts as those of this zoo's other mixers; zoology's `proj_o` escapes its division by
 * sqrt(2 n) for its name, and starts as `init: 'normal'` does.
 */
import { defineMixer, foldIn, type Mixer, type MixerFactory, tf } from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  createFilterOptions,
  createScanMixer,
  headDimOf,
  initProjection,
  linear,
  type Projection,
  projectionInitOption,
  type ScanState,
  splitHeads,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { packedFeatures, taylorFeatures } from './ops/taylor-attention/features.js';
import { taylorAttention } from './ops/taylor-attention/index.js';
import { CHUNK, quadraticCrossover } from './ops/taylor-attention/reference.js';

/** Tokens whose features `prefill` holds at a time. */
const PREFILL_CHUNK = 1024;

const { filterOptions, filterCheck, withFilters } = createFilterOptions({ filters: 'none' });

/** Config of {@link based}. */
export const basedSchema = z
  .strictObject({
    dModel: z.int().positive().describe('model width d'),
    nHeads: z.int().positive().default(1).describe('heads H; must divide dModel'),
    featureDim: z
      .int()
      .positive()
      .default(8)
      .describe('query and key width f of a head; 8, 16 or 24 in the literature'),
    eps: z.number().nonnegative().default(1e-12).describe('added to the normaliser'),
    ...projectionInitOption,
    ...filterOptions,
  })
  .check(filterCheck);

/** Options of {@link based}. */
export type BasedConfig = z.input<typeof basedSchema>;

/** Bias-free projections: q, k [d, H f]; v, o [d, d]; filters as configured. */
export type BasedParams = ConvolvedProjectionParams & { oProj: Projection };

/** `sums` [B, H, D_phi, p + 1]: sum_s phi(k_s) [v_s, 1]^T. */
export type BasedState = ScanState<{ sums: tf.Tensor4D }>;

/**
 * Based: attention whose weights are `1 + s + s^2 / 2` of `s = q . k / sqrt(f)`, the Taylor polynomial of exp(s), divided by
 * their sum. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example based({ dModel: 64, featureDim: 16 })
 */
export const based: MixerFactory<typeof basedSchema, Mixer<BasedParams, BasedState>> = defineMixer({
  name: 'based',
  summary: 'Linear attention with a second-order Taylor feature map (Based).',
  schema: basedSchema,
  withFilters,
  create({ dModel, nHeads, featureDim, eps, init: how, ...filters }) {
    const headDim = headDimOf(dModel, nHeads);
    const features = packedFeatures(featureDim);
    const keyWidth = nHeads * featureDim;
    const projections = createConvolvedProjections({ dModel, nHeads, keyWidth, init: how, ...filters });
    /** [v, 1] of every head: [B, L, d] -> [B, H, L, p + 1]. */
    const extended = (v: tf.Tensor3D) =>
      tf.concat([splitHeads(v, nHeads), tf.ones([v.shape[0], nHeads, v.shape[1], 1])], 3) as tf.Tensor4D;

    return createScanMixer({
      init: (seed, nLayers = 1): BasedParams => ({
        ...projections.init(seed),
        oProj: initProjection([dModel, dModel], foldIn(seed, 'oProj'), { init: how, nLayers }),
      }),
      project: projections.project,
      filters: projections.filters,
      values: { role: 'v', nHeads },
      state: { sums: [nHeads, features, headDim + 1] },
      scan: (_, parts) => ({
        o: taylorAttention(parts, { nHeads, eps }),
        state() {
          const [keys, values] = [splitHeads(parts.k, nHeads), extended(parts.v)];
          const length = keys.shape[2];
          const sums = Array.from({ length: Math.ceil(length / PREFILL_CHUNK) }, (_, index) => {
            const start = index * PREFILL_CHUNK;
            const chunk = (rows: tf.Tensor4D) =>
              rows.slice([0, 0, start, 0], [-1, -1, Math.min(PREFILL_CHUNK, length - start), -1]);
            return tf.tidy(() => tf.matMul(taylorFeatures(chunk(keys)), chunk(values), true) as tf.Tensor4D);
          });
          return { sums: tf.addN(sums) };
        },
      }),
      token(_, { q, k, v }, past) {
        const phi = (row: tf.Tensor2D) => taylorFeatures(row.reshape([-1, nHeads, 1, featureDim]));
        const added = tf.matMul(phi(k), extended(v.expandDims(1)), true); // [B, H, D_phi, p + 1]
        const sums = past.sums.add<tf.Tensor4D>(added);
        const read = tf.matMul(phi(q), sums);
        const o = read.slice([0, 0, 0, 0], [-1, -1, -1, headDim]).div(read.slice([0, 0, 0, headDim]).add(eps));
        return { o: o.reshape<tf.Tensor2D>(v.shape), state: { sums } };
      },
      readOut: (params, o) => linear(o, params.oProj),
      flops(seqLen) {
        const chunkwise = seqLen > quadraticCrossover(featureDim, headDim);
        const within = 2 * seqLen * (chunkwise ? CHUNK : seqLen) * (featureDim + headDim + 1);
        const across = chunkwise ? 4 * seqLen * features * (headDim + 1) : 0;
        return projections.flops(seqLen) + 2 * seqLen * dModel ** 2 + nHeads * (within + across);
      },
    });
  },
});
