/**
 * Hyena of order 2: two gates around a convolution as long as the sequence, whose filter is a function of the delay.
 *
 *   [x1, x2, v] = conv(x W_in + b_in) + b                      depthwise, causal, W = filterWidth taps; [B, L, d] each
 *   u = x1 o v                                                 section 3.1, equation 4
 *   y = (x2 o (h * u + D o u)) W_out + b_out                   h [L, d]: `implicit-filter.ts`
 *
 * Code to paper: `maxLength` M. A filter made for M is another function than one for another M.
 *
 * Sources: 1. Poli et al. 2023 (arXiv 2302.10866). 2. HazyResearch/safari `models/sequence/hyena.py`. 3. HazyResearch/zoology
 * `mixers/hyena.py`: its widths and D ~ N(0, 1).
 * Deviations: order 2 alone; the positional encoding is constant, while the sources train it at a hundredth of the rate.
 */
import { defineMixer, foldIn, type Mixer, type MixerFactory, ShapeError, tf } from '@mixerzoo/core';
import {
  createDepthwiseConvolution,
  createWithFilters,
  type DepthwiseConvolutionParams,
  initProjection,
  linear,
  type Projection,
  projectionInitOption,
  splitHeads,
  weightsOfValues,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { createImplicitFilter, type ImplicitFilterParams } from './implicit-filter.js';
import { longConvolution, longConvolutionFlops } from './ops/long-convolution/index.js';

const schema = z.strictObject({
  dModel: z.int().positive().describe('model width d'),
  maxLength: z
    .int()
    .positive()
    .default(2048)
    .describe('M, the longest sequence; positions and decays of the filter are shares of it'),
  filterWidth: z.int().positive().default(3).describe('W, taps of the short convolution'),
  filterHidden: z.int().positive().default(64).describe("width of the filter's network"),
  positionDim: z
    .int()
    .min(3)
    .refine((width) => width % 2 === 1, 'expected an odd number: the time, and a cosine and a sine for each band')
    .default(3)
    .describe('width of the positional encoding, odd: the time, and a cosine and a sine for each band'),
  innerLayers: z
    .int()
    .min(0)
    .max(64)
    .default(2)
    .describe("layers of the filter's network between its first and its last"),
  sineFrequency: z.number().positive().default(1).describe("start of the frequencies w of the network's sines"),
  fastDecay: z.number().positive().default(0.3).describe('share of M at which the fastest channel has decayed'),
  slowDecay: z.number().positive().default(1.5).describe('share of M at which the slowest channel has decayed'),
  decayTarget: z.number().gt(0).lt(1).default(0.01).describe('what a window has decayed to there'),
  modulationShift: z.number().min(0).default(0).describe('added to the windows'),
  ...projectionInitOption,
});

/** Options of {@link hyena}. */
export type HyenaConfig = z.input<typeof schema>;

/** in [d, 3 d], columns x1, x2, v; out [d, d]; both with a bias. The convolution's [3 d, W] and [3 d]. */
export type HyenaParams = DepthwiseConvolutionParams & {
  inProj: Required<Projection>;
  filter: ImplicitFilterParams;
  outProj: Required<Projection>;
};

/** `inputs` [B, W - 1, 3 d]: the short convolution's last inputs; `past` [B, T, d]: u of all tokens. */
export type HyenaState = { inputs: tf.Tensor3D; past: tf.Tensor3D };

/**
 * Hyena: `y = x2 o (h * (x1 o v))` with a filter h as long as the sequence, made by a network from the delay. It takes up to `maxLength`
 * tokens. A token costs as much as there are before it, and the filter is computed for all of them anew; the state grows by d a
 * token.
 * @throws InvalidConfigError; its functions a ShapeError for more than `maxLength` tokens.
 * @example hyena({ dModel: 64, maxLength: 512 })
 */
export const hyena: MixerFactory<typeof schema, Mixer<HyenaParams, HyenaState>> = defineMixer({
  name: 'hyena',
  summary: 'Hyena: gates around a convolution as long as the sequence, its filter a function of the delay.',
  schema,
  withFilters: createWithFilters({ options: { width: 'filterWidth' }, off: { filterWidth: 1 } }),
  create(config) {
    const { dModel, maxLength, filterWidth, init } = config;
    const conv = createDepthwiseConvolution(3 * dModel, filterWidth);
    const filter = createImplicitFilter(config);

    const assertLength = (where: string, length: number) => {
      if (length <= maxLength) return;
      throw new ShapeError(
        `hyena.${where}: expected at most maxLength = ${maxLength} tokens, got ${length}. Make the mixer with the longest length that it ` +
          'will see as maxLength, and train it so: with another one the same parameters are another filter.',
      );
    };
    /** x2 and u of x [B, L, d], and what the short convolution was given. */
    const gates = (params: HyenaParams, x: tf.Tensor3D) => {
      const inputs = linear(x, params.inProj);
      const [x1, x2, v] = tf.split(conv.apply(params, inputs), 3, -1) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
      return { inputs, x1, x2, v, u: x1.mul<tf.Tensor3D>(v) };
    };
    const mix = (params: HyenaParams, x2: tf.Tensor3D, u: tf.Tensor3D) =>
      linear(x2.mul<tf.Tensor3D>(longConvolution(u, filter.taps(params.filter, u.shape[1]))), params.outProj);

    return {
      noDecay: filter.paths.map((path) => `filter.${path}`),
      init: (seed, nLayers = 1): HyenaParams => ({
        inProj: initProjection([dModel, 3 * dModel], foldIn(seed, 'inProj'), { init, bias: true }),
        ...conv.init(seed),
        filter: filter.init(foldIn(seed, 'filter')),
        outProj: initProjection([dModel, dModel], foldIn(seed, 'outProj'), { init, nLayers, bias: true }),
      }),

      apply(params, x) {
        assertLength('apply', x.shape[1]);
        return tf.tidy(() => {
          const { x2, u } = gates(params, x);
          return mix(params, x2, u);
        });
      },

      prefill(params, x) {
        assertLength('prefill', x.shape[1]);
        return tf.tidy(() => {
          const { inputs, x2, u } = gates(params, x);
          return { y: mix(params, x2, u), state: { inputs: conv.stateAfter(params, inputs), past: u } };
        });
      },

      /**
       * Every channel has a filter of its own, and so weights of its own: `x2_t h_{t-s} x1_s`. Without Fourier transforms, which leave
       * rounding where weights of later tokens are zero.
       */
      read(params, x) {
        assertLength('read', x.shape[1]);
        const { x1, x2, v } = gates(params, x);
        const [batch, length] = x.shape;
        const taps = filter.taps(params.filter, length);
        const sum = (rows: tf.Tensor3D) =>
          x2.mul<tf.Tensor3D>(longConvolution(x1.mul(rows), taps, { method: 'direct' }));
        return {
          weights: weightsOfValues([batch, length, dModel, 1], sum),
          values: splitHeads(v, dModel),
          readOut: (o: tf.Tensor3D) => linear(o, params.outProj),
        };
      },

      initState: (batchSize): HyenaState => ({
        inputs: tf.zeros([batchSize, ...conv.stateShape]),
        past: tf.zeros([batchSize, 0, dModel]),
      }),

      step(params, x, { inputs, past }: HyenaState) {
        const tokens = past.shape[1] + 1;
        assertLength('step', tokens);
        const next = tf.tidy(() => {
          const { y: row, state } = conv.step(params, linear(x, params.inProj), inputs);
          const [x1, x2, v] = tf.split(row, 3, -1) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
          const all = tf.concat([past, x1.mul(v).expandDims<tf.Tensor3D>(1)], 1);
          const sum = all.mul(tf.reverse(filter.taps(params.filter, tokens), 0)).sum<tf.Tensor2D>(1);
          return { y: linear(x2.mul<tf.Tensor2D>(sum), params.outProj), state: { inputs: state, past: all } };
        });
        past.dispose();
        return next;
      },

      stateSize: (seqLen) => (filterWidth - 1) * 3 * dModel + seqLen * dModel,
      flops: (seqLen) =>
        8 * seqLen * dModel ** 2 +
        seqLen * (conv.flops + 2 * dModel) +
        filter.flops(seqLen) +
        longConvolutionFlops(seqLen, dModel),
    };
  },
});
