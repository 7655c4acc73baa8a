/**
 * LinCAT, linear attention on convolved queries, keys and values (arXiv 2407.05591, Section 6.1), and linear attention
 * without filters.
 *
 *   Q = phi((X * F_q) W_q),  K = phi((X * F_k) W_k),  V = (X * F_v) W_v
 *   o_t = scale sum_{s <= t} (q_t . k_s) v_s,  optionally over scale sum_{s <= t} q_t . k_s + eps;   Y = O W_o
 *
 * The paper names neither feature map nor normaliser. Both usual choices are here: `elu1` (elu + 1), scale 1,
 * normalised, the default, which learns recall far sooner; and `identity`, scale p^(-1/2), not normalised. The state is
 * S = sum k v^T per head, and for the normaliser z = sum k.
 */
import { defineMixer, foldIn, type Mixer, type MixerFactory, type MixerForms, refuseIdle, tf } from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  createFilterOptions,
  createScanMixer,
  filterCheck,
  filterOptions,
  headDimOf,
  initProjection,
  linear,
  type Projection,
  projectionInitOption,
  type ScanState,
  splitHeads,
  withFilters,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { elu1 } from './ops/elu1/index.js';
import { linearAttention, linearAttentionFlops } from './ops/linear-attention/index.js';

/** Filters that are off until they are asked for. */
const unfiltered = createFilterOptions({ filters: 'none' });

const widths = {
  dModel: z.int().positive().describe('model width'),
  nHeads: z.int().positive().default(1).describe('heads'),
};
const options = {
  ...projectionInitOption,
  featureMap: z.enum(['identity', 'elu1']).default('elu1').describe('map of q and k'),
  normalize: z.boolean().optional().describe('divide by the sum of weights; default: only for elu1'),
  scale: z.number().positive().optional().describe('factor of q . k; default p^(-1/2) for identity, 1 for elu1'),
  eps: z.number().min(0).default(1e-12).describe('added to the denominator'),
  chunkSize: z.int().positive().default(64).describe('tokens per chunk; changes the cost, not the result'),
};

/** Whether outputs are divided by the sum of weights. */
const normalizes = ({ featureMap, normalize }: { featureMap: string; normalize?: boolean | undefined }) =>
  normalize ?? featureMap === 'elu1';
const epsCheck = refuseIdle<Parameters<typeof normalizes>[0], keyof typeof options>(options, {
  eps: [normalizes, 'normalize'],
});

/** Config of {@link linCat}. */
export const linCatSchema = z.strictObject({ ...widths, ...filterOptions, ...options }).check(filterCheck, epsCheck);
/** Config of {@link linearAttentionMixer}. */
export const linearAttentionSchema = z
  .strictObject({ ...widths, ...unfiltered.filterOptions, ...options })
  .check(unfiltered.filterCheck, epsCheck);

/** Options of {@link linCat}. */
export type LinCatConfig = z.input<typeof linCatSchema>;
/** Options of {@link linearAttentionMixer}. */
export type LinearAttentionConfig = z.input<typeof linearAttentionSchema>;

/** Parameters of LinCAT. */
export type LinCatParams = ConvolvedProjectionParams & { readonly oProj: Projection };
/** Filter states, S [B, H, p, p], and z [B, H, p] if normalised. */
export type LinCatState = ScanState<{ readonly s: tf.Tensor4D; readonly z?: tf.Tensor3D }>;

/**
 * LinCAT: linear attention on filtered queries, keys and values (Section 6.1), `o_t = sum_{s <= t} (q_t . k_s) v_s`, by
 * default over `sum_{s <= t} q_t . k_s`. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example linCat({ dModel: 64, nHeads: 2, featureMap: 'elu1' })
 */
export const linCat: MixerFactory<typeof linCatSchema, Mixer<LinCatParams, LinCatState>> = defineMixer({
  name: 'linCat',
  summary: 'LinCAT: linear attention on convolved q, k and v; constant state.',
  schema: linCatSchema,
  withFilters,
  create: createLinCat,
});

/**
 * Linear attention without filters: {@link linCat} with `filters: 'none'`. The op has the name `linearAttention`.
 * @throws InvalidConfigError
 * @example linearAttentionMixer({ dModel: 64, featureMap: 'identity' })
 */
export const linearAttentionMixer: MixerFactory<
  typeof linearAttentionSchema,
  Mixer<LinCatParams, LinCatState>
> = defineMixer({
  name: 'linearAttention',
  summary: 'Linear attention, identity or elu + 1 feature map; constant state.',
  schema: linearAttentionSchema,
  withFilters: unfiltered.withFilters,
  create: createLinCat,
});

function createLinCat(config: z.output<typeof linCatSchema>): MixerForms<LinCatParams, LinCatState> {
  const { dModel, nHeads, featureMap, eps, chunkSize, init } = config;
  const headDim = headDimOf(dModel, nHeads);
  const normalize = normalizes(config);
  const scale = config.scale ?? (featureMap === 'identity' ? headDim ** -0.5 : 1);
  const projections = createConvolvedProjections(config);
  const phi = <T extends tf.Tensor>(x: T) => (featureMap === 'identity' ? x : elu1(x));

  return createScanMixer({
    init: (seed, nLayers = 1): LinCatParams => ({
      ...projections.init(seed),
      oProj: initProjection([dModel, dModel], foldIn(seed, 'oProj'), { init, nLayers }),
    }),
    project: projections.project,
    filters: projections.filters,
    values: { role: 'v', nHeads },
    state: { s: [nHeads, headDim, headDim], ...(normalize && { z: [nHeads, headDim] }) },
    scan(_, { q, k, v }) {
      const features = { q: phi(q), k: phi(k), v };
      return {
        o: linearAttention(features, { nHeads, scale, normalize, eps, chunkSize }),
        state() {
          const keys = splitHeads(features.k, nHeads);
          const s = tf.matMul(keys, splitHeads(v, nHeads), true, false) as tf.Tensor4D;
          return { s, ...(normalize && { z: keys.sum<tf.Tensor3D>(2) }) };
        },
      };
    },
    token(_, { q, k, v }, past) {
      const row = (x: tf.Tensor2D) => x.reshape<tf.Tensor4D>([-1, nHeads, 1, headDim]);
      const [query, key] = [row(phi(q)).mul(scale), row(phi(k))];
      const s = past.s.add<tf.Tensor4D>(key.transpose([0, 1, 3, 2]).mul(row(v)));
      const z = past.z?.add<tf.Tensor3D>(key.squeeze([2]));
      const sums = tf.matMul(query, s);
      const o = z ? sums.div(query.mul(z.expandDims(2)).sum(-1, true).add(eps)) : sums;
      return { o: o.reshape<tf.Tensor2D>(v.shape), state: { s, ...(z && { z }) } };
    },
    readOut: (params, o) => linear(o, params.oProj),
    flops: (seqLen) =>
      projections.flops(seqLen) + 2 * seqLen * dModel ** 2 + linearAttentionFlops(seqLen, dModel, nHeads, chunkSize),
  });
}
