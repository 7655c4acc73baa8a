/**
 * The short convolution of Mamba, Mamba-2 and BaseConv as a filter: depthwise, causal, with a bias, and drawn as
 * `torch.nn.Conv1d` draws it. The filter is indexed by delay, 0 the current token: the flip of a Conv1d's weight.
 */
import { shortConvolution, shortConvolutionCache, shortConvolutionStep } from '../ops/short-convolution/index.js';
import { randomUniform } from '../random-tensors.js';
import { foldIn } from '../rng.js';
import type * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import type { SequenceFilter } from './filters.js';

/** convWeight [w, W] and convBias [w], both U(+-1 / sqrt(W)) at the start. */
export type DepthwiseConvolutionParams = { readonly convWeight: tf.Tensor2D; readonly convBias: tf.Tensor1D };

/** A depthwise convolution of `taps` taps W for rows of `width` columns w. */
export interface DepthwiseConvolution extends SequenceFilter {
  init(seed: number): DepthwiseConvolutionParams;
}

/** Makes one. Its parameters are `convWeight` and `convBias` of the mixer's. */
export function createDepthwiseConvolution(width: number, taps: number): DepthwiseConvolution {
  const bound = 1 / Math.sqrt(taps);
  const filterOf = ({ convWeight, convBias }: Tree) =>
    [convWeight as tf.Tensor2D, { shape: 'perChannel', bias: convBias as tf.Tensor1D }] as const;
  return {
    init: (seed) => ({
      convWeight: randomUniform<tf.Rank.R2>([width, taps], -bound, bound, foldIn(seed, 'convWeight')),
      convBias: randomUniform<tf.Rank.R1>([width], -bound, bound, foldIn(seed, 'convBias')),
    }),
    apply: (params, x) => shortConvolution(x, ...filterOf(params)),
    step(params, x, state) {
      const { y, cache } = shortConvolutionStep(x, state, ...filterOf(params));
      return { y, state: cache };
    },
    stateAfter: (_, x) => shortConvolutionCache(x, taps),
    stateShape: [taps - 1, width],
    noDecay: [],
    flops: 2 * taps * width,
  };
}
