/**
 * Queries, keys and values with a short filter on any of them (arXiv 2407.05591, Definition 1): `K = (X * F_k) W_k`, the
 * same for q and v. A mixer's own projections if there is no filter; attention with them is CAT.
 *
 * Filters act on the projected rows. A scalar filter per head commutes with a projection without bias, so this is
 * the paper's function at O(L W d); the head-mixing filter is defined on heads anyway.
 */
import * as z from 'zod';
import { linears } from '../ops/linear/index.js';
import { foldIn } from '../rng.js';
import type * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import { type FilterConfig, filterOptions } from './filter-options.js';
import { createFilteredForms, type FilteredForms, type Parts } from './filtered-forms.js';
import { createFilter, type SequenceFilter } from './filters.js';
import { hasBias, initProjection, type Projection, type ProjectionBias, type ProjectionInit } from './projection.js';

const ROLES = ['q', 'k', 'v'] as const;
export type QkvRole = (typeof ROLES)[number];

const DEFAULTS = z.object(filterOptions).parse({});

/** What {@link createConvolvedProjections} is given: widths, and the parsed {@link filterOptions}; no filters if left out. */
export interface ConvolvedProjectionsConfig extends Partial<FilterConfig> {
  readonly dModel: number;
  /** Heads, for filters per head. Default 1. */
  readonly nHeads?: number;
  /** Heads of k and v, where several heads of q share one. Default nHeads. */
  readonly nKvHeads?: number;
  /** Columns H K of q. Default those of k. */
  readonly queryWidth?: number;
  /** Columns of k. Default dModel. */
  readonly keyWidth?: number;
  /** Columns H V of v. Default dModel. */
  readonly valueWidth?: number;
  /** How the projections start. Default `zoology`. */
  readonly init?: ProjectionInit;
  /** Biases of the projections. Default none. */
  readonly bias?: ProjectionBias;
}

/** Projections to the widths of q, k and v, and the filters there are. */
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
  const { dModel, nHeads = 1, nKvHeads = nHeads, filters: kinds = 'none', init = 'zoology', bias = false } = config;
  const { keyWidth = dModel, queryWidth = keyWidth, valueWidth = dModel } = config;
  const widths = { q: queryWidth, k: keyWidth, v: valueWidth };
  const heads = { q: nHeads, k: nKvHeads, v: nKvHeads };
  const place = { ...DEFAULTS, ...config };
  const filters: { [R in QkvRole]?: SequenceFilter } = {};
  for (const role of ROLES) {
    const kind = typeof kinds === 'string' ? kinds : (kinds[role] ?? 'none');
    const filter = createFilter(kind, { ...place, name: `${role}Filter`, width: widths[role], nHeads: heads[role] });
    if (filter) filters[role] = filter;
  }
  const present = Object.values(filters);
  const project = <T extends tf.Tensor>({ qProj, kProj, vProj }: ConvolvedProjectionParams, x: T) => {
    const [q, k, v] = linears(x, [qProj, kProj, vProj]);
    return { q, k, v };
  };
  return {
    ...createFilteredForms<ConvolvedProjectionParams, QkvRole>({ project, filters }),
    project,
    filters,
    init(seed) {
      const projection = (role: QkvRole) =>
        initProjection([dModel, widths[role]], foldIn(seed, `${role}Proj`), { init, bias: hasBias(bias, role) });
      return {
        qProj: projection('q'),
        kProj: projection('k'),
        vProj: projection('v'),
        ...Object.assign({}, ...present.map((filter) => filter.init(seed))),
      };
    },
    flops: (seqLen) =>
      seqLen *
      (2 * dModel * (queryWidth + keyWidth + valueWidth) + present.reduce((total, { flops }) => total + flops, 0)),
  };
}
