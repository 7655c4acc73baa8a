/**
 * BaseConv: a gated short convolution, the layer that precedes Taylor attention in "Based, 2 layers".
 *
 *   y = (conv(x) + b_c) o (x W + b) [+ x]
 *
 * conv is causal and depthwise; its filter `convWeight` [d, W] is indexed by delay, 0 the current token (the flip of a
 * PyTorch Conv1d weight). zoology adds the input (`residual`), the papers do not.
 *
 * Sources: 1. Arora et al. 2023, "Zoology" (arXiv 2312.04927), definition 4.1. 2. HazyResearch/zoology
 * `mixers/base_conv.py`; like PyTorch's convolutions, filter and bias start as U(+-1 / sqrt(W)).
 */
import {
  defineMixer,
  foldIn,
  linear,
  type Mixer,
  type MixerFactory,
  randomNormal,
  randomUniform,
  shortConvolution,
  shortConvolutionCache,
  shortConvolutionStep,
  type Tree,
  tf,
} from '@mixerzoo/core';
import { z } from 'zod';

/** Config of {@link baseConv}. */
export const baseConvSchema = z.strictObject({
  dModel: z.int().positive().describe('model width d'),
  dConv: z.int().positive().default(3).describe('filter length W in tokens'),
  residual: z.boolean().default(true).describe('add the input to the output, as zoology does'),
});

/** convWeight [d, W], convBias [d], projection [d, d] with bias [d]. */
export type BaseConvParams = Tree & {
  convWeight: tf.Tensor2D;
  convBias: tf.Tensor1D;
  projection: { weight: tf.Tensor2D; bias: tf.Tensor1D };
};

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
    const gate = <T extends tf.Tensor>(convolved: T, projection: BaseConvParams['projection'], x: T): T => {
      const gated = convolved.mul<T>(linear(x, projection));
      return residual ? gated.add<T>(x) : gated;
    };
    const apply = ({ convWeight, convBias, projection }: BaseConvParams, x: tf.Tensor3D) =>
      gate(shortConvolution(x, convWeight, { shape: 'perChannel', bias: convBias }), projection, x);
    return {
      init(seed: number): BaseConvParams {
        const bound = dConv ** -0.5;
        return {
          convWeight: randomUniform<tf.Rank.R2>([dModel, dConv], -bound, bound, foldIn(seed, 'convWeight')),
          convBias: randomUniform<tf.Rank.R1>([dModel], -bound, bound, foldIn(seed, 'convBias')),
          projection: {
            weight: randomNormal<tf.Rank.R2>([dModel, dModel], 0.02, foldIn(seed, 'projection')),
            bias: tf.zeros([dModel]),
          },
        };
      },
      apply,
      initState: (batchSize: number): BaseConvState => ({ cache: tf.zeros([batchSize, dConv - 1, dModel]) }),
      step({ convWeight, convBias, projection }: BaseConvParams, x: tf.Tensor2D, state: BaseConvState) {
        const { y: convolved, cache } = shortConvolutionStep(x, state.cache, convWeight, {
          shape: 'perChannel',
          bias: convBias,
        });
        const y = tf.tidy(() => gate(convolved, projection, x));
        convolved.dispose();
        return { y, state: { cache } };
      },
      prefill: (params: BaseConvParams, x: tf.Tensor3D) =>
        tf.tidy(() => ({ y: apply(params, x), state: { cache: shortConvolutionCache(x, dConv) } })),
      stateSize: () => (dConv - 1) * dModel,
      flops: (seqLen: number) => 2 * seqLen * dModel * (dModel + dConv),
    };
  },
});
