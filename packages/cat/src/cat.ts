/**
 * CAT, convolution-augmented attention, and its multi-head form (Li, Zhang, Huang, Oymak 2024, arXiv 2407.05591).
 *
 *   Q = (X * F_q) W_q,  K = (X * F_k) W_k,  V = (X * F_v) W_v            (Definition 1)
 *   Y = softmax(Q K^T / sqrt(p)) V W_o,   causal, per head
 *   normalizeQK: rows of Q and K of unit norm, logits times a temperature (Theorem 1's norm(X * F) and c)
 *   mixMaps:     O_i = sum_h M[h, i] A_h V_i, attention maps mixed across heads (Section 6)
 *
 * Decided where the paper is silent: how filters start (`core/src/blocks/filters.ts`); the map-mixing variant, which it announces but does
 * not define; rotary positions come after the filter and the normalisation. No biases, so that filters commute with
 * projections. The theorems' value filter D_-1 looks ahead and is not causal: a trained CAT uses the equivalent key
 * delay F_k = D_1 * F_q.
 */

import { attend, createPositions, positionalCheck, positionalOptions } from '@mixerzoo/attention';
import {
  type ApplyContext,
  defineMixer,
  EVALUATION,
  foldIn,
  type Mixer,
  type MixerFactory,
  type MixerForms,
  randomNormal,
  refuseIdle,
  tf,
} from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  emptyKvCache,
  extendKvCache,
  type FilterStates,
  filterCheck,
  filterOptions,
  headDimOf,
  initProjection,
  type KvCache,
  l2Norm,
  linear,
  type Projection,
  projectionInitOption,
} from '@mixerzoo/core/blocks';
import { z } from 'zod';

const options = {
  dModel: z.int().positive().describe('model width'),
  nHeads: z.int().positive().default(1).describe('heads'),
  ...filterOptions,
  ...projectionInitOption,
  normalizeQK: z.boolean().default(false).describe('rows of filtered q and k of unit norm, as in Theorem 1'),
  temperature: z.number().positive().default(10).describe('factor of normalised logits, at the start if it is learned'),
  learnTemperature: z.boolean().default(true).describe('learn the temperature, one per head'),
  dropout: z.number().min(0).lt(1).default(0.1).describe('dropout on the attention map while training'),
  ...positionalOptions,
};

const temperatureCheck = refuseIdle<{ normalizeQK: boolean }, keyof typeof options>(options, {
  temperature: [({ normalizeQK }) => normalizeQK, 'normalizeQK'],
  learnTemperature: [({ normalizeQK }) => normalizeQK, 'normalizeQK'],
});

/** Config of {@link cat}. */
export const catSchema = z.strictObject(options).check(filterCheck, positionalCheck, temperatureCheck);
/** Config of {@link mhcat}. */
export const mhcatSchema = z
  .strictObject({
    ...options,
    filters: options.filters
      .unwrap()
      .default('headMixing')
      .describe(options.filters.description ?? ''),
    mixMaps: z.boolean().default(false).describe('mix attention maps across heads'),
  })
  .check(filterCheck, positionalCheck, temperatureCheck);

/** Parameters of CAT: projections, the filters there are, and by option a temperature [H] and map mixing [H, H]. */
export type CatParams = ConvolvedProjectionParams & {
  readonly oProj: Projection;
  readonly logTemperature?: tf.Tensor1D;
  readonly mapMix?: tf.Tensor2D;
};

/** Filter states, and the filtered keys and values so far. */
export type CatState = { readonly filters: FilterStates; readonly cache: KvCache };

/**
 * CAT: softmax attention on filtered queries, keys and values, `Q = (X * F_q) W_q`, K and V alike (Definition 1), with a
 * filter of `filterWidth` taps per head, or any other kind of filter on any of q, k, v.
 * @throws InvalidConfigError
 * @example cat({ dModel: 64, nHeads: 2, filterWidth: 3 })
 */
export const cat: MixerFactory<typeof catSchema, Mixer<CatParams, CatState>> = defineMixer({
  name: 'cat',
  summary: 'Convolution-augmented attention: short filters on q, k and v (arXiv 2407.05591).',
  schema: catSchema,
  create: (config) => createCat({ ...config, mixMaps: false }),
});

/**
 * Multi-head CAT: filters that mix heads, `Y_i[t] = sum_j sum_h F[j, h, i] X_h[t - j]` (Section 3.1), and with `mixMaps`
 * attention maps mixed too.
 * @throws InvalidConfigError
 * @example mhcat({ dModel: 64, nHeads: 4 })
 */
export const mhcat: MixerFactory<typeof mhcatSchema, Mixer<CatParams, CatState>> = defineMixer({
  name: 'mhcat',
  summary: 'Multi-head CAT: filters [W, H, H] that mix heads.',
  schema: mhcatSchema,
  create: createCat,
});

function createCat(config: z.output<typeof mhcatSchema>): MixerForms<CatParams, CatState> {
  const { dModel, nHeads, normalizeQK, temperature, learnTemperature, mixMaps } = config;
  const headDim = headDimOf(dModel, nHeads);
  const projections = createConvolvedProjections(config);
  const positions = createPositions(config, nHeads, headDim);
  const scale = normalizeQK ? (learnTemperature ? 1 : temperature) : headDim ** -0.5;

  /** Rows of unit norm per head, queries times the temperature. x [B, L, d]. */
  const normalize = (x: tf.Tensor3D, logTemperature?: tf.Tensor1D): tf.Tensor3D => {
    const unit = l2Norm(x.reshape([-1, nHeads, headDim]), 1e-8 * headDim);
    return (logTemperature ? unit.mul(logTemperature.exp().expandDims(-1)) : unit).reshape(x.shape);
  };
  const normalized = <T extends { q: tf.Tensor3D; k: tf.Tensor3D }>(params: CatParams, heads: T): T =>
    normalizeQK ? { ...heads, q: normalize(heads.q, params.logTemperature), k: normalize(heads.k) } : heads;

  /** Attention of q [B, M, d] to k and v [B, L, d], then the output projection. */
  const mix = (params: CatParams, heads: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D }, context = EVALUATION) => {
    const { training, seed }: ApplyContext = context;
    const dropoutRate = training ? config.dropout : 0;
    const attention = { nHeads, scale, dropoutRate, dropoutSeed: foldIn(seed, 'attention') };
    const o = mixMaps
      ? mixAcrossMaps(
          attend({ ...heads, v: tf.tile(heads.v, [1, 1, nHeads]) }, positions, attention),
          params.mapMix as tf.Tensor2D,
        )
      : attend(heads, positions, attention);
    return linear(o, params.oProj);
  };

  return {
    noDecay: projections.noDecay,
    init(seed, nLayers = 1) {
      return {
        ...projections.init(seed),
        oProj: initProjection([dModel, dModel], foldIn(seed, 'oProj'), { init: config.init, nLayers }),
        ...(normalizeQK && learnTemperature
          ? { logTemperature: tf.fill<tf.Rank.R1>([nHeads], Math.log(temperature)) }
          : {}),
        ...(mixMaps
          ? {
              mapMix: tf.tidy(() =>
                tf.eye(nHeads).add<tf.Tensor2D>(randomNormal([nHeads, nHeads], 0.02, foldIn(seed, 'mapMix'))),
              ),
            }
          : {}),
      };
    },
    apply: (params, x, context) => mix(params, normalized(params, projections.apply(params, x)), context),
    initState: (batchSize) => ({ filters: projections.initState(batchSize), cache: emptyKvCache(batchSize, dModel) }),
    step: (params, x, { filters, cache }) =>
      tf.tidy(() => {
        const { parts, states } = projections.step(params, x, filters);
        const rows = { q: parts.q.expandDims<tf.Tensor3D>(1), k: parts.k.expandDims<tf.Tensor3D>(1) };
        const { q, k } = normalized(params, rows);
        const past = extendKvCache(cache, k.squeeze([1]), parts.v);
        return { y: mix(params, { q, ...past }).squeeze<tf.Tensor2D>([1]), state: { filters: states, cache: past } };
      }),
    prefill: (params, x) =>
      tf.tidy(() => {
        const { parts, states } = projections.prefill(params, x);
        const heads = normalized(params, parts);
        const cache = { k: heads.k.clone(), v: heads.v.clone() };
        return { y: mix(params, heads), state: { filters: states, cache } };
      }),
    stateSize: (seqLen) => 2 * dModel * seqLen + projections.stateSize,
    flops(seqLen) {
      const maps = 2 * seqLen ** 2 * dModel;
      return projections.flops(seqLen) + 2 * seqLen * dModel ** 2 + maps * (1 + (mixMaps ? nHeads : 1));
    },
  };
}

/**
 * `O_i = sum_h M[h, i] A_h V_i`.
 *
 * @param o - [B, M, H d]: block h holds A_h V, for the values of all heads.
 * @param mapMix - [H, H]
 */
function mixAcrossMaps(o: tf.Tensor3D, mapMix: tf.Tensor2D): tf.Tensor3D {
  const [batch, queries, width] = o.shape;
  const nHeads = mapMix.shape[0];
  const terms = o.reshape([batch * queries, nHeads, nHeads, width / nHeads ** 2]).mul(mapMix.expandDims(-1));
  return terms.sum(1).reshape([batch, queries, width / nHeads]);
}
