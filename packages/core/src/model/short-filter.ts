/**
 * A short filter before a mixer: `y = mixer(x + act(filter(x)))`, place A of a layer's filters, and a mixer around any mixer.
 *
 * The filter is depthwise and causal, without a bias. As left alone it is a Canon layer: 4 taps, residual, no activation, taps
 * U(+-1 / sqrt(W)) (Allen-Zhu 2025, "Physics of Language Models: Part 4.1", arXiv 2512.17351).
 */
import * as z from 'zod';
import type { InnerFilters } from '../blocks/filter-options.js';
import { createFilter, type SequenceFilter } from '../blocks/filters.js';
import { InvalidConfigError } from '../errors.js';
import { isMixer } from '../identity.js';
import { defineMixer, type Mixer, type MixerFactory } from '../mixer.js';
import { foldIn } from '../rng.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';

/** The options of a filter at A, C and D, to spread into a schema. */
export const shortFilterOptions = {
  width: z.int().positive().default(4).describe('taps W, the current token included'),
  residual: z.boolean().default(true).describe('what is filtered is added to the result'),
  activation: z.enum(['none', 'silu']).default('none').describe('after the filter, before the residual'),
  init: z
    .enum(['uniform', 'delta'])
    .default('uniform')
    .describe('taps start as U(+-1 / sqrt(W)), or such that the whole is near the identity'),
};

/** The parsed {@link shortFilterOptions}. */
export type ShortFilter = z.output<z.ZodObject<typeof shortFilterOptions>>;

/** The filter [w, W] of rows of `columns` w; its parameter is called `name`. */
export function createShortFilter(name: string, columns: number, options: ShortFilter): SequenceFilter {
  const { width, residual, activation, init } = options;
  return createFilter('perChannel', {
    name,
    width: columns,
    nHeads: 1,
    dState: 1,
    filterWidth: width,
    filterInit: init,
    filterResidual: residual,
    filterActivation: activation,
  }) as SequenceFilter; // there is a tap at least
}

/** A mixer with other filters on what it projects: place B. @throws InvalidConfigError where it has no place for any. */
export function withInnerFilters(mixer: Mixer, filters: InnerFilters): Mixer {
  if (mixer.withFilters) return mixer.withFilters(filters);
  throw new InvalidConfigError(
    `${mixer.name}: expected a mixer with a place for filters on what it projects (B), got one without. Put the filter before it (A), which any mixer takes.`,
  );
}

const schema = z.strictObject({
  dModel: z.int().positive().describe('model width d'),
  inner: z.custom<Mixer>(isMixer, 'expected a mixer, as a mixer factory returns it').describe('the mixer after it'),
  ...shortFilterOptions,
});

/** filter [d, W]; inner: the parameters of the mixer. */
export type ShortFilterParams = { readonly filter: tf.Tensor2D; readonly inner: Tree };
/** filter [B, W - 1, d]: the last tokens before the filter; inner: the state of the mixer. */
export type ShortFilterState = { readonly filter: tf.Tensor3D; readonly inner: Tree };

/**
 * Any mixer behind a short causal filter of its input: `y = inner(x + act(filter(x)))`. In a model the same as that mixer with
 * `shortFilters: { A: … }`. The mixer starts as it does alone.
 * @throws InvalidConfigError
 * @example shortFilter({ dModel: 64, inner: attention({ dModel: 64 }), width: 2 })
 */
export const shortFilter: MixerFactory<typeof schema, Mixer<ShortFilterParams, ShortFilterState>> = defineMixer({
  name: 'shortFilter',
  summary: 'A short causal filter before any mixer (Canon A).',
  schema,
  atLayer: ({ inner, ...options }, place) => ({ ...options, inner: inner.atLayer?.(place) ?? inner }),
  withFilters: ({ inner, ...options }, filters) => ({ ...options, inner: withInnerFilters(inner, filters) }),
  create({ dModel, inner, ...options }) {
    if (inner.config.dModel !== dModel) {
      throw new InvalidConfigError(
        `expected '${inner.name}' of the dModel ${dModel}, got ${inner.config.dModel}. Give both the same width.`,
      );
    }
    const filter = createShortFilter('filter', dModel, options);
    const { stateRoom, softForm, factors = {} } = inner;
    const below = (path: string) => `inner.${path}`;
    return {
      inner,
      noDecay: (inner.noDecay ?? []).map(below),
      factors: Object.fromEntries(Object.entries(factors).map(([path, own]) => [below(path), own])),
      ...(softForm !== undefined && { softForm }),
      init: (seed, nLayers): ShortFilterParams => ({
        ...(filter.init(foldIn(seed, `${inner.name}.shortFilter`)) as { filter: tf.Tensor2D }),
        inner: inner.init(seed, nLayers),
      }),
      apply: (params: ShortFilterParams, x, context) => inner.apply(params.inner, filter.apply(params, x), context),
      initState: (batchSize): ShortFilterState => ({
        filter: tf.zeros([batchSize, ...filter.stateShape]),
        inner: inner.initState(batchSize),
      }),
      // No tidy around the mixer: what it leaves to later layers has to outlive this one.
      step(params: ShortFilterParams, x, past: ShortFilterState, context) {
        const filtered = filter.step(params, x, past.filter);
        const { y, state } = inner.step(params.inner, filtered.y, past.inner, context);
        filtered.y.dispose();
        return { y, state: { filter: filtered.state, inner: state } };
      },
      prefill(params: ShortFilterParams, x, context) {
        const filtered = tf.tidy(() => filter.apply(params, x));
        const { y, state } = inner.prefill(params.inner, filtered, context);
        filtered.dispose();
        return { y, state: { filter: filter.stateAfter(params, x), inner: state } };
      },
      stateSize: (seqLen) => filter.stateShape[0] * dModel + inner.stateSize(seqLen),
      ...(stateRoom && { stateRoom: (seqLen: number) => inner.stateRoom?.(seqLen) ?? 0 }),
      flops: (seqLen) => seqLen * filter.flops + inner.flops(seqLen),
    };
  },
});
