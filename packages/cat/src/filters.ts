/**
 * The filters of CAT: causal convolutions along the sequence, applied to projected rows.
 *
 *   perHead      [H, W]     one short filter per head: the paper's 1D per-head convolution
 *   perChannel   [d, W]     one per column (depthwise)
 *   headMixing   [W, H, H]  the paper's multi-head convolution, Y_i = sum_h F[:, h, i] * X_h
 *   exponential             F_j = rho^j per head, rho learned: a state-space model in place of the short filter
 *   diagonalSsm             F_j = sum_n w_n a_n^j per column, a and w learned
 *
 * The paper does not say how filters start. Short ones: the identity (delta at delay 0) plus N(0, 0.02), or
 * U(+-1 / sqrt(taps)). Long ones: decays with time constants spread evenly in logarithm from 1 to 64 tokens.
 */
import {
  type FilterShape,
  foldIn,
  randomNormal,
  randomUniform,
  shortConvolution,
  shortConvolutionCache,
  shortConvolutionStep,
  type Tree,
  tf,
} from '@mixerzoo/core';
import {
  exponentialConvolution,
  exponentialConvolutionState,
  exponentialConvolutionStep,
} from './exponential-convolution/index.js';

export const FILTER_KINDS = ['perHead', 'perChannel', 'headMixing', 'exponential', 'diagonalSsm', 'none'] as const;
export type FilterKind = (typeof FILTER_KINDS)[number];

/** What all filters of a layer share. */
export interface FilterOptions {
  readonly dModel: number;
  readonly nHeads: number;
  readonly filterWidth: number;
  readonly filterInit: 'delta' | 'uniform';
  readonly dState: number;
}

/** A causal filter; its parameters are one tensor or a tree of them. */
export interface SequenceFilter {
  init(seed: number): tf.Tensor | Tree;
  /** [B, L, d] -> [B, L, d]. */
  apply(params: tf.Tensor | Tree, x: tf.Tensor3D): tf.Tensor3D;
  /** State before the first token, [B, ...]. */
  initState(batchSize: number): tf.Tensor3D;
  /** [B, d] -> [B, d]; consumes the state. */
  step(params: tf.Tensor | Tree, x: tf.Tensor2D, state: tf.Tensor3D): { y: tf.Tensor2D; state: tf.Tensor3D };
  /** The state after x [B, L, d]. */
  stateAfter(params: tf.Tensor | Tree, x: tf.Tensor3D): tf.Tensor3D;
  /** Paths of parameters that weight decay spoils. */
  readonly noDecay: readonly string[];
  /** Elements of state per sequence. */
  readonly stateSize: number;
  /** Per token. */
  readonly flops: number;
}

/** The filter of a kind; undefined for `none`, and for short filters without taps. */
export function createFilter(kind: FilterKind, options: FilterOptions): SequenceFilter | undefined {
  switch (kind) {
    case 'none':
      return undefined;
    case 'exponential':
      return createSsmFilter(options.nHeads, 1, 'unitWeight', options);
    case 'diagonalSsm':
      return createSsmFilter(options.dModel, options.dState, 'learnedWeight', options);
    default:
      return options.filterWidth > 0 ? createShortFilter(kind, options) : undefined;
  }
}

function createShortFilter(shape: FilterShape, options: FilterOptions): SequenceFilter {
  const { dModel, nHeads, filterWidth, filterInit } = options;
  const past = filterWidth - 1;
  const mixedHeads = shape === 'headMixing' ? nHeads : 1;
  return {
    init(seed) {
      const filterShape = {
        perHead: [nHeads, filterWidth],
        perChannel: [dModel, filterWidth],
        headMixing: [filterWidth, nHeads, nHeads],
      }[shape];
      if (filterInit === 'uniform') {
        const bound = (filterWidth * mixedHeads) ** -0.5;
        return randomUniform(filterShape as [number, number], -bound, bound, seed);
      }
      return tf.tidy(() => {
        const noise = randomNormal(filterShape as [number, number], 0.02, seed);
        const delta =
          shape === 'headMixing'
            ? tf.pad(tf.eye(nHeads).expandDims(0), [
                [0, past],
                [0, 0],
                [0, 0],
              ])
            : tf.pad(tf.ones([filterShape[0] as number, 1]), [
                [0, 0],
                [0, past],
              ]);
        return noise.add(delta);
      });
    },
    apply: (filter, x) => shortConvolution(x, filter as tf.Tensor, { shape }),
    initState: (batchSize) => tf.zeros([batchSize, past, dModel]),
    step(filter, x, state) {
      const { y, cache } = shortConvolutionStep(x, state, filter as tf.Tensor, { shape });
      return { y, state: cache };
    },
    stateAfter: (_, x) => shortConvolutionCache(x, filterWidth),
    noDecay: [],
    stateSize: past * dModel,
    flops: 2 * filterWidth * dModel * mixedHeads,
  };
}

type SsmParams = { logRate: tf.Tensor2D; weight?: tf.Tensor2D };

/** A sum of `dState` exponentials for each of `groups` groups of columns; decay = exp(-exp(logRate)). */
function createSsmFilter(
  groups: number,
  dState: number,
  weighting: 'unitWeight' | 'learnedWeight',
  { dModel }: FilterOptions,
): SequenceFilter {
  const decayOf = ({ logRate }: SsmParams) => logRate.exp().neg().exp() as tf.Tensor2D;
  const weightOf = ({ weight }: SsmParams) => weight ?? tf.ones<tf.Rank.R2>([groups, dState]);
  return {
    init(seed) {
      const [count, slowest] = [groups * dState, 64];
      // Time constants slowest^((i + 1/2) / count); a small noise so that seeds differ.
      const spread = Float32Array.from({ length: count }, (_, index) => -Math.log(slowest) * ((index + 0.5) / count));
      const logRate = tf.tidy(
        () => tf.tensor2d(spread, [groups, dState]).add(randomNormal([groups, dState], 0.02, seed)) as tf.Tensor2D,
      );
      if (weighting === 'unitWeight') return { logRate };
      const weight = tf.tidy(() => randomNormal([groups, dState], 0.02, foldIn(seed, 'weight')).add(1 / dState));
      return { logRate, weight };
    },
    apply: (params, x) => exponentialConvolution(x, decayOf(params as SsmParams), weightOf(params as SsmParams)),
    initState: (batchSize) => tf.zeros([batchSize, dModel, dState]),
    step: (params, x, state) =>
      exponentialConvolutionStep(x, state, decayOf(params as SsmParams), weightOf(params as SsmParams)),
    stateAfter: (params, x) => tf.tidy(() => exponentialConvolutionState(x, decayOf(params as SsmParams))),
    noDecay: ['logRate'],
    stateSize: dModel * dState,
    flops: 4 * dModel * dState,
  };
}
