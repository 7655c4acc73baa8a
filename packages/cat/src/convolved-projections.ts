/**
 * Queries, keys and values of CAT (Definition 1): `K = (X * F_k) W_k`, the same for q and v.
 *
 * Filters act on the projected rows. A scalar filter per head commutes with a projection without bias, so this is
 * the paper's function at O(L W d); the head-mixing filter is defined on heads anyway.
 */
import { initProjection, projectionInitOption } from '@mixerzoo/attention';
import { foldIn, linear, refuseIdle, type Tree, type tf } from '@mixerzoo/core';
import { z } from 'zod';
import { createFilter, FILTER_KINDS, type SequenceFilter } from './filters.js';

const ROLES = ['q', 'k', 'v'] as const;
type Role = (typeof ROLES)[number];

const filterKind = z.enum(FILTER_KINDS);

/** Options to spread into a schema. */
export const projectionOptions = {
  dModel: z.int().positive().describe('model width'),
  nHeads: z.int().positive().default(1).describe('heads'),
  filters: z
    .union([
      filterKind,
      z.strictObject({
        q: filterKind.optional().describe('the filter of q'),
        k: filterKind.optional().describe('the filter of k'),
        v: filterKind.optional().describe('the filter of v'),
      }),
    ])
    .default('perHead')
    .describe('the filter of q, k and v: one kind for all, or a kind for each (left out: none)'),
  filterWidth: z.int().min(0).default(3).describe('taps W of short filters; 0 for none'),
  filterInit: z
    .enum(['delta', 'uniform'])
    .default('delta')
    .describe('short filters start near the identity, or uniform'),
  dState: z.int().positive().default(4).describe('exponentials per channel of a diagonalSsm filter'),
  ...projectionInitOption,
};

const SHORT_FILTERS: readonly string[] = ['perHead', 'perChannel', 'headMixing'];

/** True if one of q, k, v has a filter of these kinds. */
const uses =
  (kinds: readonly string[]) =>
  ({ filters }: Pick<ProjectionConfig, 'filters'>) =>
    (typeof filters === 'string' ? [filters] : Object.values(filters)).some((kind) => kinds.includes(kind ?? 'none'));

/** A check for schemas that spread {@link projectionOptions}. */
export const projectionCheck = refuseIdle<Pick<ProjectionConfig, 'filters'>, keyof typeof projectionOptions>(
  projectionOptions,
  {
    filterWidth: [uses(SHORT_FILTERS), 'a short filter'],
    filterInit: [uses(SHORT_FILTERS), 'a short filter'],
    dState: [uses(['diagonalSsm']), "a filter 'diagonalSsm'"],
  },
);

type ProjectionConfig = z.output<z.ZodObject<typeof projectionOptions>>;

/** Weights [d, d] of the projections, and the filters there are. */
export type ConvolvedProjectionParams = {
  readonly [R in Role as `${R}Proj`]: { readonly weight: tf.Tensor2D };
} & { readonly [R in Role as `${R}Filter`]?: tf.Tensor | Tree };

/** Filter states by role. */
export type FilterStates = { readonly [role: string]: tf.Tensor3D };
type Heads<T> = Record<Role, T>;

/** The projections of a layer. */
export interface ConvolvedProjections {
  init(seed: number): ConvolvedProjectionParams;
  /** x [B, L, d] -> q, k, v [B, L, d]. */
  apply(params: ConvolvedProjectionParams, x: tf.Tensor3D): Heads<tf.Tensor3D>;
  initState(batchSize: number): FilterStates;
  /** x [B, d] -> q, k, v [B, d]; consumes the states. */
  step(
    params: ConvolvedProjectionParams,
    x: tf.Tensor2D,
    states: FilterStates,
  ): Heads<tf.Tensor2D> & { states: FilterStates };
  /** `apply` that also returns the filter states after the last token. */
  prefill(params: ConvolvedProjectionParams, x: tf.Tensor3D): Heads<tf.Tensor3D> & { states: FilterStates };
  /** Paths of parameters that weight decay spoils. */
  readonly noDecay: readonly string[];
  readonly stateSize: number;
  flops(seqLen: number): number;
}

/** Builds them from the parsed {@link projectionOptions}. */
export function createConvolvedProjections(config: ProjectionConfig): ConvolvedProjections {
  const { dModel, filters } = config;
  const filterOf = Object.fromEntries(
    ROLES.flatMap((role) => {
      const filter = createFilter(typeof filters === 'string' ? filters : (filters[role] ?? 'none'), config);
      return filter ? [[role, filter]] : [];
    }),
  ) as Partial<Record<Role, SequenceFilter>>;
  const present = Object.entries(filterOf) as [Role, SequenceFilter][];
  const filterParams = (params: ConvolvedProjectionParams, role: Role) => params[`${role}Filter`] as tf.Tensor | Tree;
  const forRoles = <T>(make: (role: Role) => T) => ({ q: make('q'), k: make('k'), v: make('v') });
  const project = <T extends tf.Tensor>(params: ConvolvedProjectionParams, x: T) =>
    forRoles((role) => linear(x, params[`${role}Proj`]));
  const convolve = (params: ConvolvedProjectionParams, projected: Heads<tf.Tensor3D>) =>
    forRoles((role) => filterOf[role]?.apply(filterParams(params, role), projected[role]) ?? projected[role]);

  return {
    init(seed) {
      const weight = (name: string) => ({
        weight: initProjection(config.init, dModel, foldIn(seed, name)),
      });
      const projections = { qProj: weight('qProj'), kProj: weight('kProj'), vProj: weight('vProj') };
      const filterTree = present.map(([role, filter]) => [`${role}Filter`, filter.init(foldIn(seed, `${role}Filter`))]);
      return { ...projections, ...Object.fromEntries(filterTree) };
    },
    apply: (params, x) => convolve(params, project(params, x)),
    initState: (batchSize) => Object.fromEntries(present.map(([role, filter]) => [role, filter.initState(batchSize)])),
    step(params, x, states) {
      const next: Record<string, tf.Tensor3D> = {};
      const projected = project(params, x);
      const heads = forRoles((role) => {
        const filter = filterOf[role];
        if (!filter) return projected[role];
        const { y, state } = filter.step(filterParams(params, role), projected[role], states[role] as tf.Tensor3D);
        next[role] = state;
        return y;
      });
      return { ...heads, states: next };
    },
    prefill(params, x) {
      const projected = project(params, x);
      const states = present.map(([role, filter]) => [
        role,
        filter.stateAfter(filterParams(params, role), projected[role]),
      ]);
      return { ...convolve(params, projected), states: Object.fromEntries(states) };
    },
    noDecay: present.flatMap(([role, filter]) => filter.noDecay.map((path) => `${role}Filter.${path}`)),
    stateSize: present.reduce((total, [, filter]) => total + filter.stateSize, 0),
    flops: (seqLen) => seqLen * (3 * 2 * dModel ** 2 + present.reduce((total, [, filter]) => total + filter.flops, 0)),
  };
}
