/**
 * CAT, convolution-augmented attention, and its multi-head form (Li, Zhang, Huang, Oymak 2024, arXiv 2407.05591).
 *
 *   Q = (X * F_q) W_q,  K = (X * F_k) W_k,  V = (X * F_v) W_v            (Definition 1)
 *   Y = softmax(Q K^T / sqrt(p)) V W_o,   causal, per head
 *   normalizeQK: rows of Q and K of unit norm, logits times a temperature (Theorem 1's norm(X * F) and c)
 *   mixMaps:     O_i = sum_h M[h, i] A_h V_i, attention maps mixed across heads (Section 6)
 *
 * Decided where the paper is silent: how filters start (`core/src/blocks/filters.ts`); the map-mixing variant, which it announces but does
 * not define; rotary positions come after the filter and the normalisation. No biases unless asked for, so that filters commute with
 * projections; with them, filters act on projected rows, biases included. The theorems' value filter D_-1 looks ahead and is not causal: a trained CAT uses the equivalent key
 * delay F_k = D_1 * F_q.
 */

import {
  attend,
  attendNext,
  attendWeights,
  cacheAfter,
  createHeads,
  createPositions,
  type Heads,
  headOptions,
  positionalCheck,
  positionalOptions,
} from '@mixerzoo/attention';
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
  cacheRoom,
  createConvolvedProjections,
  emptyKvCache,
  type FilterStates,
  filterCheck,
  filterOptions,
  hasBias,
  initProjection,
  type KvCache,
  l2Norm,
  linear,
  type Projection,
  projectionBiasSchema,
  projectionInitOption,
  withFilters,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';

const options = {
  dModel: z.int().positive().describe('model width'),
  ...headOptions,
  ...filterOptions,
  bias: projectionBiasSchema
    .default(false)
    .describe('biases of the projections: of all four, of none, or of each (left out: none)'),
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

/** Options of {@link cat}. */
export type CatConfig = z.input<typeof catSchema>;
/** Options of {@link mhcat}. */
export type MhcatConfig = z.input<typeof mhcatSchema>;

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
  withFilters,
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
  withFilters,
  create: createCat,
});

function createCat(config: z.output<typeof mhcatSchema>): MixerForms<CatParams, CatState> {
  const { dModel, normalizeQK, temperature, learnTemperature, mixMaps } = config;
  const { nHeads, nKvHeads, headDim, queryWidth, kvWidth } = createHeads(config);
  const widths = { queryWidth, keyWidth: kvWidth, valueWidth: kvWidth };
  const projections = createConvolvedProjections({ ...config, nKvHeads, ...widths });
  const positions = createPositions(config, nHeads, headDim);
  const scale = normalizeQK ? (learnTemperature ? 1 : temperature) : headDim ** -0.5;

  /** Rows of unit norm per head, queries times the temperature. x [..., d]. */
  const normalize = <T extends tf.Tensor>(x: T, logTemperature?: tf.Tensor1D): T => {
    const unit = l2Norm(x.reshape([-1, (x.shape.at(-1) as number) / headDim, headDim]), 1e-8 * headDim);
    return (logTemperature ? unit.mul(logTemperature.exp().expandDims(-1)) : unit).reshape(x.shape);
  };
  const normalized = <T extends tf.Tensor>(params: CatParams, heads: Heads<T>): Heads<T> =>
    normalizeQK ? { ...heads, q: normalize(heads.q, params.logTemperature), k: normalize(heads.k) } : heads;

  /** Attention of all tokens, then the output projection. */
  const mix = (params: CatParams, heads: Heads<tf.Tensor3D>, { training, seed }: ApplyContext = EVALUATION) => {
    const dropout = { dropoutRate: training ? config.dropout : 0, dropoutSeed: foldIn(seed, 'attention') };
    return project(params, attend(heads, positions, { nHeads, scale, mixesAll: mixMaps, ...dropout }));
  };
  /** What heads give, [..., H p], or with `mixMaps` [..., H G p], to the output. */
  const project = <T extends tf.Tensor>(params: CatParams, o: T): T =>
    linear(mixMaps ? mixAcrossMaps(o, params.mapMix as tf.Tensor2D, nKvHeads) : o, params.oProj);

  return {
    noDecay: projections.noDecay,
    init(seed, nLayers = 1) {
      return {
        ...projections.init(seed),
        oProj: initProjection([queryWidth, dModel], foldIn(seed, 'oProj'), {
          bias: hasBias(config.bias, 'o'),
          init: config.init,
          nLayers,
        }),
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
    ...(!mixMaps && {
      read(params: CatParams, x: tf.Tensor3D) {
        const heads = normalized(params, projections.apply(params, x));
        return {
          ...attendWeights(heads, positions, { nHeads, scale }),
          readOut: (o: tf.Tensor3D) => project(params, o),
        };
      },
    }),
    initState: (batchSize) => ({ filters: projections.initState(batchSize), cache: emptyKvCache(batchSize, kvWidth) }),
    step: (params, x, { filters, cache: past }) =>
      tf.tidy(() => {
        const { parts, states } = projections.step(params, x, filters);
        const options = { nHeads, scale, mixesAll: mixMaps };
        const { o, cache } = attendNext(normalized(params, parts), past, positions, options);
        return { y: project(params, o), state: { filters: states, cache } };
      }),
    prefill: (params, x) =>
      tf.tidy(() => {
        const { parts, states } = projections.prefill(params, x);
        const heads = normalized(params, parts);
        return { y: mix(params, heads), state: { filters: states, cache: cacheAfter(heads, positions) } };
      }),
    stateSize: (seqLen) => 2 * kvWidth * seqLen + projections.stateSize,
    stateRoom: (seqLen) => 2 * kvWidth * cacheRoom(seqLen),
    flops(seqLen) {
      const mixed = mixMaps ? nHeads * kvWidth : queryWidth;
      return projections.flops(seqLen) + 2 * seqLen * (queryWidth * dModel + seqLen * (queryWidth + mixed));
    },
  };
}

/**
 * `O_i = sum_h M[h, i] A_h V_i`.
 *
 * @param o - [..., H G p]: block h holds A_h V, for the values of all G heads that have some; H / G in a row share theirs.
 * @param mapMix - [H, H]
 * @returns [..., H p]
 */
function mixAcrossMaps<T extends tf.Tensor>(o: T, mapMix: tf.Tensor2D, nKvHeads: number): T {
  const width = o.shape.at(-1) as number;
  const nHeads = mapMix.shape[0];
  const headDim = width / (nHeads * nKvHeads);
  const weights = mapMix.reshape([nHeads, nKvHeads, nHeads / nKvHeads, 1]);
  const terms = o.reshape([-1, nHeads, nKvHeads, 1, headDim]).mul(weights);
  return terms.sum(1).reshape([...o.shape.slice(0, -1), nHeads * headDim]);
}
