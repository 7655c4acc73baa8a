/**
 * Queries, keys and values with a short filter on any of them (arXiv 2407.05591, Definition 1): `K = (X * F_k) W_k`, the
 * same for q and v. A mixer's own projections if there is no filter; attention with them is CAT.
 *
 * Filters act on the projected rows. A scalar filter per head commutes with a projection without bias, so this is
 * the paper's function at O(L W d); the head-mixing filter is defined on heads anyway.
 */
import { z } from 'zod';
import { linear } from '../ops/linear/index.js';
import { foldIn } from '../rng.js';
import type * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import { createFilteredForms, type FilteredForms, type Parts } from './filtered-forms.js';
import { createFilter, type FilterConfig, filterOptions, type SequenceFilter } from './filters.js';
import { initProjection, type Projection, type ProjectionInit } from './projection.js';

const ROLES = ['q', 'k', 'v'] as const;
export type QkvRole = (typeof ROLES)[number];

const DEFAULTS = z.object(filterOptions).parse({});

/** What {@link createConvolvedProjections} is given: widths, and the parsed {@link filterOptions}; no filters if left out. */
export interface ConvolvedProjectionsConfig extends Partial<FilterConfig> {
  readonly dModel: number;
  /** Heads, for filters per head. Default 1. */
  readonly nHeads?: number;
  /** Columns H K of q and k. Default dModel. */
  readonly keyWidth?: number;
  /** Columns H V of v. Default dModel. */
  readonly valueWidth?: number;
  /** How the projections start. Default `zoology`. */
  readonly init?: ProjectionInit;
  /** Biases of the projections. Default false. */
  readonly bias?: boolean;
}

/** Projections [d, H K], [d, H K] and [d, H V], and the filters there are. */
export type ConvolvedProjectionParams = { readonly [R in QkvRole as `${R}Proj`]: Projection } & {
  readonly [R in QkvRole as `${R}Filter`]?: tf.Tensor | Tree;
};

/** The projections of a layer: q, k [B, L, H K] and v [B, L, H V] in every form. */
export interface ConvolvedProjections extends FilteredForms<ConvolvedProjectionParams, QkvRole> {
  init(seed: number): ConvolvedProjectionParams;
  /** Without the filters. */
  project<T extends tf.Tensor>(params: ConvolvedProjectionParams, x: T): Parts<QkvRole, T>;
  readonly filters: { readonly [R in QkvRole]?: SequenceFilter };
  flops(seqLen: number): number;
}

/**
 * Builds them.
 * @throws InvalidConfigError if the heads do not divide the width of what has a filter per head.
 */
export function createConvolvedProjections(config: ConvolvedProjectionsConfig): ConvolvedProjections {
  const { dModel, nHeads = 1, keyWidth = dModel, valueWidth = dModel, filters: kinds = 'none' } = config;
  const { init = 'zoology', bias = false } = config;
  const widths = { q: keyWidth, k: keyWidth, v: valueWidth };
  const place = { ...DEFAULTS, ...config, nHeads };
  const filters: { [R in QkvRole]?: SequenceFilter } = {};
  for (const role of ROLES) {
    const kind = typeof kinds === 'string' ? kinds : (kinds[role] ?? 'none');
    const filter = createFilter(kind, { ...place, name: `${role}Filter`, width: widths[role] });
    if (filter) filters[role] = filter;
  }
  const present = Object.values(filters);
  const project = <T extends tf.Tensor>(params: ConvolvedProjectionParams, x: T) => ({
    q: linear(x, params.qProj),
    k: linear(x, params.kProj),
    v: linear(x, params.vProj),
  });
  return {
    ...createFilteredForms<ConvolvedProjectionParams, QkvRole>({ project, filters }),
    project,
    filters,
    init: (seed) => ({
      qProj: initProjection([dModel, keyWidth], foldIn(seed, 'qProj'), { init, bias }),
      kProj: initProjection([dModel, keyWidth], foldIn(seed, 'kProj'), { init, bias }),
      vProj: initProjection([dModel, valueWidth], foldIn(seed, 'vProj'), { init, bias }),
      ...Object.assign({}, ...present.map((filter) => filter.init(seed))),
    }),
    flops: (seqLen) =>
      seqLen * (2 * dModel * (2 * keyWidth + valueWidth) + present.reduce((total, { flops }) => total + flops, 0)),
  };
}
