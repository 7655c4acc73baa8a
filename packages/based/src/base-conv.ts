/**
 * BaseConv: a gated short convolution, the layer that precedes Taylor attention in "Based, 2 layers".
 *
 *   y = (conv(x) + b_c) o (x W + b) [+ x]
 *
 * conv is causal and depthwise; its filter `convWeight` [d, W] is indexed by delay, 0 the current token (the flip of a
 * PyTorch Conv1d weight). zoology adds the input (`residual`), the papers do not.
 *
 * Sources: 1. Arora et al. 2023, "Zoology" (arXiv 2312.04927), definition 4.1. 2. HazyResearch/zoology
 * `mixers/base_conv.py`.
 */
import { defineMixer, foldIn, type Mixer, type MixerFactory, type Tree, tf } from '@mixerzoo/core';
import {
  createDepthwiseConvolution,
  type DepthwiseConvolutionParams,
  initProjection,
  linear,
  type Projection,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';

/** Config of {@link baseConv}. */
export const baseConvSchema = z.strictObject({
  dModel: z.int().positive().describe('model width d'),
  dConv: z.int().positive().default(3).describe('filter length W in tokens'),
  residual: z.boolean().default(true).describe('add the input to the output, as zoology does'),
});

/** Options of {@link baseConv}. */
export type BaseConvConfig = z.input<typeof baseConvSchema>;

/** convWeight [d, W], convBias [d], projection [d, d] with bias [d]. */
export type BaseConvParams = DepthwiseConvolutionParams & { readonly projection: Projection };

/** `cache` [B, W - 1, d]: the last inputs, newest last. */
export type BaseConvState = Tree & { cache: tf.Tensor3D };

/**
 * BaseConv: a short convolution gated by a projection, `y = (conv(x) + b_c) o (x W + b) [+ x]`.
 * @throws InvalidConfigError
 * @example baseConv({ dModel: 64, dConv: 3 })
 */
export const baseConv: MixerFactory<typeof baseConvSchema, Mixer<BaseConvParams, BaseConvState>> = defineMixer({
  name: 'baseConv',
  summary: 'A short convolution gated by a projection (BaseConv).',
  schema: baseConvSchema,
  create({ dModel, dConv, residual }) {
    const conv = createDepthwiseConvolution(dModel, dConv);
    const gate = <T extends tf.Tensor>(convolved: T, projection: Projection, x: T): T => {
      const gated = convolved.mul<T>(linear(x, projection));
      return residual ? gated.add<T>(x) : gated;
    };
    const apply = (params: BaseConvParams, x: tf.Tensor3D) => gate(conv.apply(params, x), params.projection, x);
    return {
      init: (seed: number): BaseConvParams => ({
        ...conv.init(seed),
        projection: initProjection([dModel, dModel], foldIn(seed, 'projection'), { bias: true }),
      }),
      apply,
      initState: (batchSize: number): BaseConvState => ({ cache: tf.zeros([batchSize, ...conv.stateShape]) }),
      step: (params: BaseConvParams, x: tf.Tensor2D, state: BaseConvState) =>
        tf.tidy(() => {
          const { y: convolved, state: cache } = conv.step(params, x, state.cache);
          return { y: gate(convolved, params.projection, x), state: { cache } };
        }),
      prefill: (params: BaseConvParams, x: tf.Tensor3D) =>
        tf.tidy(() => ({ y: apply(params, x), state: { cache: conv.stateAfter(params, x) } })),
      stateSize: () => (dConv - 1) * dModel,
      flops: (seqLen: number) => seqLen * (2 * dModel ** 2 + conv.flops),
    };
  },
});
