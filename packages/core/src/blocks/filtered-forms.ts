/**
 * How a token becomes what a mixer works on: parts by role (q, k, v, a gate), of which some go through a causal filter.
 */
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import type { SequenceFilter } from './filters.js';

/** Rows by role: [B, L, w] each in the parallel form, [B, w] in the recurrent one. */
export type Parts<R extends string, T extends tf.Tensor> = { readonly [role in R]: T };

/** Filter states by role. */
export type FilterStates = { readonly [role: string]: tf.Tensor3D };

/** What {@link createFilteredForms} is given. */
export interface FilteredProjection<P extends Tree, R extends string> {
  /** x [..., d] -> rows [..., w] by role; each token on its own. */
  project<T extends tf.Tensor>(params: P, x: T): Parts<R, T>;
  /** The filters of some roles. */
  readonly filters?: { readonly [role in R]?: SequenceFilter };
}

/** Projection and filters in every form. */
export interface FilteredForms<P extends Tree, R extends string> {
  /** x [B, L, d] -> rows [B, L, w]. */
  apply(params: P, x: tf.Tensor3D): Parts<R, tf.Tensor3D>;
  /** `apply` that also returns the filters' states after the last token. */
  prefill(params: P, x: tf.Tensor3D): { parts: Parts<R, tf.Tensor3D>; states: FilterStates };
  /** States before the first token. */
  initState(batchSize: number): FilterStates;
  /** x [B, d] -> rows [B, w]; consumes the states. */
  step(params: P, x: tf.Tensor2D, states: FilterStates): { parts: Parts<R, tf.Tensor2D>; states: FilterStates };
  /** Paths of the filters' parameters that weight decay spoils. */
  readonly noDecay: readonly string[];
  /** Elements of state per sequence. */
  readonly stateSize: number;
}

/** The forms of a projection with filters. Where there are none, they cost nothing. */
export function createFilteredForms<P extends Tree, R extends string>({
  project,
  filters = {},
}: FilteredProjection<P, R>): FilteredForms<P, R> {
  const present = Object.entries(filters).filter((entry): entry is [R, SequenceFilter] => entry[1] !== undefined);
  const convolve = (params: P, projected: Parts<R, tf.Tensor3D>) => ({
    ...projected,
    ...byRole(present, (filter, role) => filter.apply(params, projected[role])),
  });
  return {
    apply: (params, x) => convolve(params, project(params, x)),
    prefill(params, x) {
      const projected = project(params, x);
      const states = byRole(present, (filter, role) => filter.stateAfter(params, projected[role]));
      return { parts: convolve(params, projected), states };
    },
    initState: (batchSize) => byRole(present, ({ stateShape }) => tf.zeros<tf.Rank.R3>([batchSize, ...stateShape])),
    step(params, x, states) {
      const projected = project(params, x);
      const parts: Record<R, tf.Tensor2D> = { ...projected };
      const next: Record<string, tf.Tensor3D> = {};
      for (const [role, filter] of present) {
        const { y, state } = filter.step(params, projected[role], states[role] as tf.Tensor3D);
        parts[role] = y;
        next[role] = state;
      }
      return { parts, states: next };
    },
    noDecay: present.flatMap(([, { noDecay }]) => noDecay),
    stateSize: present.reduce((total, [, { stateShape }]) => total + stateShape[0] * stateShape[1], 0),
  };
}

function byRole<R extends string, T>(
  filters: readonly [R, SequenceFilter][],
  make: (filter: SequenceFilter, role: R) => T,
): Record<R, T> {
  return Object.fromEntries(filters.map(([role, filter]) => [role, make(filter, role)])) as Record<R, T>;
}
