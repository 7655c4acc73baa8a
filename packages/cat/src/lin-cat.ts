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
import { headDimOf, initProjection, splitHeads } from '@mixerzoo/attention';
import {
  defineMixer,
  foldIn,
  linear,
  type Mixer,
  type MixerFactory,
  type MixerForms,
  refuseIdle,
  tf,
} from '@mixerzoo/core';
import { z } from 'zod';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  type FilterStates,
  projectionCheck,
  projectionOptions,
} from './convolved-projections.js';
import { elu1 } from './ops/elu1/index.js';
import { linearAttention, linearAttentionFlops } from './ops/linear-attention/index.js';

const options = {
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
export const linCatSchema = z.strictObject({ ...projectionOptions, ...options }).check(projectionCheck, epsCheck);
/** Config of {@link linearAttentionMixer}. */
export const linearAttentionSchema = z
  .strictObject({
    dModel: projectionOptions.dModel,
    nHeads: projectionOptions.nHeads,
    init: projectionOptions.init,
    ...options,
  })
  .check(epsCheck);

/** Parameters of LinCAT. */
export type LinCatParams = ConvolvedProjectionParams & { readonly oProj: { readonly weight: tf.Tensor2D } };
/** Filter states, S [B, H, p, p], and z [B, H, p] if normalised. */
export type LinCatState = { readonly filters: FilterStates; readonly s: tf.Tensor4D; readonly z?: tf.Tensor3D };

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
  create: (config) => createLinCat({ ...config, filters: 'none', filterWidth: 0, filterInit: 'delta', dState: 1 }),
});

function createLinCat(config: z.output<typeof linCatSchema>): MixerForms<LinCatParams, LinCatState> {
  const { dModel, nHeads, featureMap, eps, chunkSize } = config;
  const headDim = headDimOf(dModel, nHeads);
  const normalize = normalizes(config);
  const scale = config.scale ?? (featureMap === 'identity' ? headDim ** -0.5 : 1);
  const projections = createConvolvedProjections(config);

  const phi = <T extends tf.Tensor>(x: T) => (featureMap === 'identity' ? x : elu1(x));
  const withFeatures = <T extends tf.Tensor, R extends { q: T; k: T }>(heads: R): R => ({
    ...heads,
    q: phi(heads.q),
    k: phi(heads.k),
  });
  const attend = (params: LinCatParams, heads: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D }) =>
    linear(linearAttention(heads, { nHeads, scale, normalize, eps, chunkSize }), params.oProj);

  return {
    noDecay: projections.noDecay,
    init: (seed, nLayers = 1) => ({
      ...projections.init(seed),
      oProj: {
        weight: initProjection(config.init, dModel, foldIn(seed, 'oProj'), nLayers),
      },
    }),
    apply: (params, x) => attend(params, withFeatures(projections.apply(params, x))),
    initState: (batchSize) => ({
      filters: projections.initState(batchSize),
      s: tf.zeros([batchSize, nHeads, headDim, headDim]),
      ...(normalize ? { z: tf.zeros<tf.Rank.R3>([batchSize, nHeads, headDim]) } : {}),
    }),
    step(params, x, state) {
      const [batch] = x.shape;
      const next = tf.tidy(() => {
        const { states, ...token } = projections.step(params, x, state.filters);
        const { q, k, v } = withFeatures<tf.Tensor2D, typeof token>(token);
        const row = (tensor: tf.Tensor) => tensor.reshape<tf.Tensor4D>([batch, nHeads, 1, headDim]);
        const s = state.s.add<tf.Tensor4D>(row(k).transpose([0, 1, 3, 2]).mul(row(v)));
        const sums = tf.matMul(row(q).mul(scale), s);
        const z = state.z?.add<tf.Tensor3D>(k.reshape([batch, nHeads, headDim]));
        const o = z ? sums.div(row(q).mul(scale).mul(z.expandDims(2)).sum(-1, true).add(eps)) : sums;
        return {
          y: linear(o.reshape<tf.Tensor2D>([batch, dModel]), params.oProj),
          state: { filters: states, s, ...(z ? { z } : {}) },
        };
      });
      tf.dispose([state.s, state.z ?? []]);
      return next;
    },
    prefill: (params, x) =>
      tf.tidy(() => {
        const { states, ...rest } = projections.prefill(params, x);
        const heads = withFeatures<tf.Tensor3D, typeof rest>(rest);
        const [k, v] = [splitHeads(heads.k, nHeads), splitHeads(heads.v, nHeads)];
        const s = tf.matMul<tf.Tensor4D>(k, v, true, false);
        return {
          y: attend(params, heads),
          state: { filters: states, s, ...(normalize ? { z: k.sum<tf.Tensor3D>(2) } : {}) },
        };
      }),
    stateSize: () => dModel * headDim + (normalize ? dModel : 0) + projections.stateSize,
    flops: (seqLen) =>
      projections.flops(seqLen) + 2 * seqLen * dModel ** 2 + linearAttentionFlops(seqLen, dModel, nHeads, chunkSize),
  };
}
