/**
 * Causal filters along the sequence, for what a mixer projects (arXiv 2407.05591): any of q, k, v of any mixer.
 *
 *   perHead      [H, W]     one short filter per head: the paper's 1D per-head convolution
 *   perChannel   [w, W]     one per column (depthwise)
 *   headMixing   [W, H, H]  the paper's multi-head convolution, Y_i = sum_h F[:, h, i] * X_h
 *   exponential             F_j = rho^j per head, rho learned: a state-space model in place of the short filter
 *   diagonalSsm             F_j = sum_n w_n a_n^j per column, a and w learned
 *
 * The paper does not say how filters start. Short ones: the identity (delta at delay 0) plus N(0, 0.02), or
 * U(+-1 / sqrt(taps)). Long ones: decays with time constants spread evenly in logarithm from 1 to 64 tokens.
 *
 * After the filter may come an activation, and what was filtered be added: x + act(filter(x)) (Canon layers, Allen-Zhu 2025, "Physics of
 * Language Models: Part 4.1"). A residual is the identity that a short filter starts near.
 */
import {
  exponentialConvolution,
  exponentialConvolutionState,
  exponentialConvolutionStep,
} from '../ops/exponential-convolution/index.js';
import {
  type FilterShape,
  shortConvolution,
  shortConvolutionCache,
  shortConvolutionStep,
} from '../ops/short-convolution/index.js';
import { silu } from '../ops/silu/index.js';
import { randomNormal, randomUniform } from '../random-tensors.js';
import { foldIn } from '../rng.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import type { FilterConfig } from './filter-options.js';
import { headDimOf } from './heads.js';

export const FILTER_KINDS = ['perHead', 'perChannel', 'headMixing', 'exponential', 'diagonalSsm', 'none'] as const;
export type FilterKind = (typeof FILTER_KINDS)[number];

export const SHORT_FILTERS: readonly FilterKind[] = ['perHead', 'perChannel', 'headMixing'];

/** A causal filter of rows of w columns. `params` is the tree of its mixer, in which it finds its own. */
export interface SequenceFilter {
  /** Its own parameters, to be spread into the mixer's. */
  init(seed: number): Tree;
  /** [B, L, w] -> [B, L, w]. */
  apply(params: Tree, x: tf.Tensor3D): tf.Tensor3D;
  /** [B, w] -> [B, w]; consumes the state. */
  step(params: Tree, x: tf.Tensor2D, state: tf.Tensor3D): { y: tf.Tensor2D; state: tf.Tensor3D };
  /** The state after x [B, L, w]; a tensor of its own. */
  stateAfter(params: Tree, x: tf.Tensor3D): tf.Tensor3D;
  /** Shape of the state of a sequence; it is zero before the first token. */
  readonly stateShape: readonly [number, number];
  /** Paths of parameters that weight decay spoils. */
  readonly noDecay: readonly string[];
  /** Per token. */
  readonly flops: number;
}

/** What {@link createFilter} has to know. */
export interface FilterPlace extends Omit<FilterConfig, 'filters' | 'filterResidual' | 'filterActivation'> {
  /** Default false. */
  readonly filterResidual?: boolean;
  /** Default `none`. */
  readonly filterActivation?: FilterConfig['filterActivation'];
  /** Name of the filter's parameter, and of its random numbers: `kFilter`. */
  readonly name: string;
  /** Columns w of the rows. */
  readonly width: number;
  readonly nHeads: number;
}

/**
 * The filter of a kind; undefined for `none`, and for short filters without taps.
 * @throws InvalidConfigError if the heads of a filter per head do not divide the width.
 */
export function createFilter(kind: FilterKind, place: FilterPlace): SequenceFilter | undefined {
  const { name, width, nHeads, filterWidth } = place;
  if (kind === 'none' || (filterWidth === 0 && SHORT_FILTERS.includes(kind))) return undefined;
  if (kind !== 'perChannel' && kind !== 'diagonalSsm') headDimOf(width, nHeads, `the width of ${name},`);
  return finished(createLinearFilter(kind, place), place);
}

function createLinearFilter(kind: Exclude<FilterKind, 'none'>, place: FilterPlace): SequenceFilter {
  const { width, nHeads, dState } = place;
  if (kind === 'exponential') return createSsmFilter(nHeads, 1, 'unitWeight', place);
  if (kind === 'diagonalSsm') return createSsmFilter(width, dState, 'learnedWeight', place);
  return createShortFilter(kind, place);
}

/** `x + act(filter(x))`, as far as it is asked for. */
function finished(filter: SequenceFilter, place: FilterPlace): SequenceFilter {
  const { filterResidual = false, filterActivation = 'none' } = place;
  if (!filterResidual && filterActivation === 'none') return filter;
  const finish = <T extends tf.Tensor>(x: T, filtered: T): T => {
    const active = filterActivation === 'silu' ? silu(filtered) : filtered;
    return filterResidual ? x.add<T>(active) : active;
  };
  return {
    ...filter,
    apply: (params, x) => finish(x, filter.apply(params, x)),
    step: (params, x, past) =>
      tf.tidy(() => {
        const { y, state } = filter.step(params, x, past);
        return { y: finish(x, y), state };
      }),
  };
}

function createShortFilter(shape: FilterShape, place: FilterPlace): SequenceFilter {
  const { name, width, nHeads, filterWidth, filterInit } = place;
  const past = filterWidth - 1;
  const mixedHeads = shape === 'headMixing' ? nHeads : 1;
  const filterOf = (params: Tree) => params[name] as tf.Tensor;
  const draw = (seed: number): tf.Tensor => {
    const rows = shape === 'perHead' ? nHeads : width;
    const filterShape = (shape === 'headMixing' ? [filterWidth, nHeads, nHeads] : [rows, filterWidth]) as [
      number,
      number,
    ];
    if (filterInit === 'uniform') {
      const bound = (filterWidth * mixedHeads) ** -0.5;
      return randomUniform(filterShape, -bound, bound, seed);
    }
    if (place.filterResidual) return randomNormal(filterShape, 0.02, seed);
    return tf.tidy(() => {
      const current = shape === 'headMixing' ? tf.eye(nHeads).expandDims(0) : tf.ones([rows, 1]);
      const delta = tf.pad(
        current,
        filterShape.map((size, axis) => [0, size - (current.shape[axis] as number)]),
      );
      return randomNormal(filterShape, 0.02, seed).add(delta);
    });
  };
  return {
    init: (seed) => ({ [name]: draw(foldIn(seed, name)) }),
    apply: (params, x) => shortConvolution(x, filterOf(params), { shape }),
    step(params, x, state) {
      const { y, cache } = shortConvolutionStep(x, state, filterOf(params), { shape });
      return { y, state: cache };
    },
    stateAfter: (_, x) => shortConvolutionCache(x, filterWidth),
    stateShape: [past, width],
    noDecay: [],
    flops: 2 * filterWidth * width * mixedHeads,
  };
}

type SsmParams = { logRate: tf.Tensor2D; weight?: tf.Tensor2D };

/** A sum of `dState` exponentials for each of `groups` groups of columns; decay = exp(-exp(logRate)). */
function createSsmFilter(
  groups: number,
  dState: number,
  weighting: 'unitWeight' | 'learnedWeight',
  { name, width }: FilterPlace,
): SequenceFilter {
  const decayOf = (params: Tree) => (params[name] as SsmParams).logRate.exp().neg().exp() as tf.Tensor2D;
  const weightOf = (params: Tree) => (params[name] as SsmParams).weight ?? tf.ones<tf.Rank.R2>([groups, dState]);
  const draw = (seed: number): SsmParams => {
    const [count, slowest] = [groups * dState, 64];
    // Time constants slowest^((i + 1/2) / count); a small noise so that seeds differ.
    const spread = Float32Array.from({ length: count }, (_, index) => -Math.log(slowest) * ((index + 0.5) / count));
    const logRate = tf.tidy(
      () => tf.tensor2d(spread, [groups, dState]).add(randomNormal([groups, dState], 0.02, seed)) as tf.Tensor2D,
    );
    if (weighting === 'unitWeight') return { logRate };
    const weight = tf.tidy(() => randomNormal([groups, dState], 0.02, foldIn(seed, 'weight')).add(1 / dState));
    return { logRate, weight: weight as tf.Tensor2D };
  };
  return {
    init: (seed) => ({ [name]: draw(foldIn(seed, name)) }),
    apply: (params, x) => exponentialConvolution(x, decayOf(params), weightOf(params)),
    step: (params, x, state) => exponentialConvolutionStep(x, state, decayOf(params), weightOf(params)),
    stateAfter: (params, x) => tf.tidy(() => exponentialConvolutionState(x, decayOf(params))),
    stateShape: [width, dState],
    noDecay: [`${name}.logRate`],
    flops: 4 * width * dState,
  };
}
