/**
 * Softmax attention, the baseline of the paper, and its sliding-window form.
 *
 *   q, k, v = x W_q + b_q, x W_k + b_k, x W_v + b_v;   y = softmax(q k^T / sqrt(p)) v W_o + b_o,   causal, per head
 *
 * With `nKvHeads` G < H, H / G heads in a row share keys and values (grouped-query attention, Ainslie et al. 2023); the cache holds G.
 *
 * With `filters`, short causal filters act on q, k and v before positions do: CAT (`@mixerzoo/cat`), by the option of a layer or by its own.
 *
 * Sources: Vaswani et al. 2017; as configured in HazyResearch/zoology (biases, dropout 0.1 on the attention map, one head). The
 * window is exactly `window` tokens, the query's own included (zoology's code sees one more).
 */
import {
  type ApplyContext,
  defineMixer,
  EVALUATION,
  foldIn,
  type Mixer,
  type MixerFactory,
  type MixerForms,
  tf,
} from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  cachedTokens,
  cacheRoom,
  createConvolvedProjections,
  createFilterOptions,
  emptyKvCache,
  type FilterStates,
  hasBias,
  initProjection,
  type KvCache,
  linear,
  type Projection,
  projectionBiasSchema,
  projectionInitOption,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { attend, attendNext, attendWeights, cacheAfter } from './attend.js';
import { createHeads, headOptions } from './heads.js';
import { createPositions, positionalCheck, positionalOptions } from './positions.js';

const { filterOptions, filterCheck, withFilters } = createFilterOptions({ filters: 'none' });

const options = {
  dModel: z.int().positive().describe('model width'),
  ...headOptions,
  bias: projectionBiasSchema
    .default(true)
    .describe('biases of the projections: of all four, of none, or of each (left out: none)'),
  dropout: z.number().min(0).lt(1).default(0.1).describe('dropout on the attention map while training'),
  ...projectionInitOption,
  ...positionalOptions,
  ...filterOptions,
};

/** Config of {@link attention}. */
export const attentionSchema = z.strictObject(options).check(positionalCheck, filterCheck);
/** Config of {@link slidingWindow}. */
export const slidingWindowSchema = z
  .strictObject({
    ...options,
    window: z.int().positive().default(64).describe('tokens a query sees, itself included'),
  })
  .check(positionalCheck, filterCheck);

/** Options of {@link attention}. */
export type AttentionConfig = z.input<typeof attentionSchema>;
/** Options of {@link slidingWindow}. */
export type SlidingWindowConfig = z.input<typeof slidingWindowSchema>;

/** Parameters of attention: weights [d, H p] of q, [d, G p] of k and v, [H p, d] of o, and the biases and filters there are. */
export type AttentionParams = ConvolvedProjectionParams & { readonly oProj: Projection };
/** Keys and values so far, and the states of the filters. */
export type AttentionState = KvCache & { readonly filters: FilterStates };

/**
 * Softmax attention over all tokens so far: `y = softmax(q k^T / sqrt(p)) v W_o`, per head of p = `headDim` columns.
 * @throws InvalidConfigError
 * @example attention({ dModel: 64, nHeads: 4, positional: 'rope' })
 */
export const attention: MixerFactory<typeof attentionSchema, Mixer<AttentionParams, AttentionState>> = defineMixer({
  name: 'attention',
  summary: 'Softmax attention: NoPE, RoPE (full or partial) or ALiBi.',
  schema: attentionSchema,
  withFilters,
  create: (config) => createAttention(config, 0),
});

/**
 * Softmax attention over the last `window` tokens, the query's own included.
 * @throws InvalidConfigError
 * @example slidingWindow({ dModel: 64, window: 16 })
 */
export const slidingWindow: MixerFactory<
  typeof slidingWindowSchema,
  Mixer<AttentionParams, AttentionState>
> = defineMixer({
  name: 'slidingWindow',
  summary: 'Softmax attention over the last tokens only.',
  schema: slidingWindowSchema,
  withFilters,
  create: (config) => createAttention(config, config.window),
});

/** `window` 0 is no window. */
function createAttention(
  config: z.output<typeof attentionSchema>,
  window: number,
): MixerForms<AttentionParams, AttentionState> {
  const { dModel, bias, dropout, init } = config;
  const { nHeads, nKvHeads, headDim, queryWidth, kvWidth } = createHeads(config);
  const positions = createPositions(config, nHeads, headDim);
  const widths = { queryWidth, keyWidth: kvWidth, valueWidth: kvWidth };
  const projections = createConvolvedProjections({ ...config, nKvHeads, ...widths });

  return {
    noDecay: projections.noDecay,
    init: (seed, nLayers = 1) => ({
      ...projections.init(seed),
      oProj: initProjection([queryWidth, dModel], foldIn(seed, 'oProj'), { bias: hasBias(bias, 'o'), init, nLayers }),
    }),
    apply(params, x, { training, seed }: ApplyContext = EVALUATION) {
      const o = attend(projections.apply(params, x), positions, {
        nHeads,
        window,
        dropoutRate: training ? dropout : 0,
        dropoutSeed: foldIn(seed, 'attention'),
      });
      return linear(o, params.oProj);
    },
    read(params, x) {
      const heads = projections.apply(params, x);
      return {
        ...attendWeights(heads, positions, { nHeads, window }),
        readOut: (o: tf.Tensor3D) => linear(o, params.oProj),
      };
    },
    initState: (batchSize) => ({ ...emptyKvCache(batchSize, kvWidth), filters: projections.initState(batchSize) }),
    step: (params, x, { filters, ...past }) =>
      tf.tidy(() => {
        const { parts, states } = projections.step(params, x, filters);
        const { o, cache } = attendNext(parts, past, positions, { nHeads, window });
        return { y: linear(o, params.oProj), state: { ...cache, filters: states } };
      }),
    prefill: (params, x) =>
      tf.tidy(() => {
        const { parts, states } = projections.prefill(params, x);
        const y = linear(attend(parts, positions, { nHeads, window }), params.oProj);
        return { y, state: { ...cacheAfter(parts, positions, window), filters: states } };
      }),
    stateSize: (seqLen) => 2 * kvWidth * cachedTokens(seqLen, window) + projections.stateSize,
    stateRoom: (seqLen) => 2 * kvWidth * cacheRoom(seqLen, window),
    flops: (seqLen) => projections.flops(seqLen) + 2 * seqLen * queryWidth * (dModel + 2 * seqLen),
  };
}
