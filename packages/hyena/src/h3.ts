/**
 * H3: keys shifted by a filter, multiplied with values, remembered by a diagonal state space model, read by queries.
 *
 *   q, k, v = x W + b                                           [B, L, d] each
 *   k'      = shift(k) + D_k o k                                a filter of N = dState taps per channel
 *   s_ij    = S4D(k'_i v_j)                                     per head of m = headDim channels, its m^2 pairs share one S4D
 *   o_j     = sum_i q_i s_ij;   y = o W_o + b_o
 *
 * Code to paper: `dState` N, `headDim` d_h. S4D, with its skip, is in `s4d.ts`.
 *
 * Sources: 1. Fu, Dao et al. 2022 (arXiv 2212.14052), algorithm 1. 2. HazyResearch/H3 `ssm/h3.py`: widths and initial values.
 * Deviation: projections start as N(0, 0.02), as everywhere in this zoo; the source leaves them to PyTorch's Linear.
 */
import {
  defineMixer,
  foldIn,
  InvalidConfigError,
  type Mixer,
  type MixerFactory,
  randomNormal,
  randomUniform,
  tf,
} from '@mixerzoo/core';
import {
  createScanMixer,
  initProjection,
  linear,
  type Projection,
  projectionInitOption,
  type ScanState,
  type SequenceFilter,
  shortConvolution,
  shortConvolutionCache,
  shortConvolutionStep,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { longConvolution, longConvolutionFlops } from './ops/long-convolution/index.js';
import { type Complex, discretize, initS4d, powersOf, S4D_NO_DECAY, type S4dParams, s4dTaps, times } from './s4d.js';

const schema = z.strictObject({
  dModel: z.int().positive().describe('model width d'),
  headDim: z.int().positive().default(1).describe('channels m of a head, which divide d; its state is of m^2 pairs'),
  dState: z
    .int()
    .min(2)
    .refine((states) => states % 2 === 0, 'expected an even number: states are conjugate pairs')
    .default(64)
    .describe('N, taps of the shift filter and states of the S4D of a pair; even'),
  ...projectionInitOption,
});

/** Options of {@link h3}. */
export type H3Config = z.input<typeof schema>;

/** q, k, v, o [d, d] with bias [d]; shiftFilter [d, N] by delay; shiftSkip [d]; for the heads H = d / m those of {@link S4dParams}. */
export type H3Params = S4dParams & {
  qProj: Required<Projection>;
  kProj: Required<Projection>;
  vProj: Required<Projection>;
  oProj: Required<Projection>;
  shiftFilter: tf.Tensor2D;
  shiftSkip: tf.Tensor1D;
};

/** `filters.k` [B, N - 1, d]: the shift's last inputs; `re`, `im` [B, H m^2, N / 2]: S4D's states. */
export type H3State = ScanState<{ re: tf.Tensor3D; im: tf.Tensor3D }>;

/**
 * H3: `o_t = q_t SSM(shift(k) v)`, with fixed transitions. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example h3({ dModel: 64, dState: 64 })
 */
export const h3: MixerFactory<typeof schema, Mixer<H3Params, H3State>> = defineMixer({
  name: 'h3',
  summary: 'H3: shifted keys times values, remembered by a diagonal state space model (S4D), read by queries.',
  schema,
  create({ dModel, headDim, dState, init }) {
    if (dModel % headDim !== 0) {
      throw new InvalidConfigError(
        `headDim: expected a divisor of dModel ${dModel}, got ${headDim}. Change one of them.`,
      );
    }
    const nHeads = dModel / headDim;
    const pairsOfHead = headDim ** 2;
    const pairs = nHeads * pairsOfHead;

    /** k'_i v_j of every head, [.., d] -> [.., H m^2]. */
    const products = <T extends tf.Tensor>(k: T, v: T): T => {
      const column = k.reshape([-1, headDim, 1]);
      return column.mul(v.reshape([-1, 1, headDim])).reshape([...k.shape.slice(0, -1), pairs]) as T;
    };
    /** sum_i q_i s_ij, [.., H m^2] -> [.., d]. */
    const read = <T extends tf.Tensor>(q: T, s: T): T =>
      q
        .reshape([-1, headDim, 1])
        .mul(s.reshape([-1, headDim, headDim]))
        .sum(1)
        .reshape(q.shape) as T;
    /** A head's row for each of its pairs, [.., H] -> [.., H m^2] along the axis. */
    const perPair = <T extends tf.Tensor>(x: T, axis: number): T => {
      const shape = [...x.shape];
      shape[axis] = pairs;
      const repeats = Array.from({ length: x.rank + 1 }, (_, at) => (at === axis + 1 ? pairsOfHead : 1));
      return x
        .expandDims(axis + 1)
        .tile(repeats)
        .reshape(shape) as T;
    };

    return createScanMixer({
      noDecay: [...S4D_NO_DECAY, 'shiftSkip'],
      init(seed, nLayers = 1): H3Params {
        const projection = (name: string, outputOf?: { nLayers: number }) =>
          initProjection([dModel, dModel], foldIn(seed, name), { init, bias: true, ...outputOf });
        const bound = dState ** -0.5;
        return {
          qProj: projection('qProj'),
          kProj: projection('kProj'),
          vProj: projection('vProj'),
          oProj: projection('oProj', { nLayers }),
          shiftFilter: randomUniform<tf.Rank.R2>([dModel, dState], -bound, bound, foldIn(seed, 'shiftFilter')),
          shiftSkip: randomNormal<tf.Rank.R1>([dModel], 1, foldIn(seed, 'shiftSkip')),
          ...initS4d(nHeads, dState, seed),
        };
      },
      project: ({ qProj, kProj, vProj }, x) => ({ q: linear(x, qProj), k: linear(x, kProj), v: linear(x, vProj) }),
      filters: { k: createShift(dModel, dState) },
      state: { re: [pairs, dState / 2], im: [pairs, dState / 2] },
      /** Without Fourier transforms, which leave rounding where weights of later tokens are zero. */
      values: (params, { q, k, v }) => ({
        values: v,
        nHeads,
        sum: (rows) =>
          read(q, longConvolution(products(k, rows), perPair(s4dTaps(params, q.shape[1]), 1), { method: 'direct' })),
      }),
      scan(params, { q, k, v }) {
        const [batch, length] = q.shape;
        const kv = products(k, v);
        const s = longConvolution(kv, perPair(s4dTaps(params, length), 1));
        /** sum_t A'^(L - 1 - t) kv_t: a product for every head, [N / 2, L] [L, m^2 B]. */
        const state = () => {
          const powers = powersOf(discretize(params).a, length);
          const columns = tf
            .reverse(kv, 1)
            .reshape([batch, length, nHeads, pairsOfHead])
            .transpose([2, 1, 3, 0])
            .reshape<tf.Tensor3D>([nHeads, length, pairsOfHead * batch]);
          const last = (part: tf.Tensor3D) =>
            tf
              .matMul<tf.Tensor3D>(part, columns)
              .reshape([nHeads, dState / 2, pairsOfHead, batch])
              .transpose([3, 0, 2, 1])
              .reshape<tf.Tensor3D>([batch, pairs, dState / 2]);
          return { re: last(powers.re), im: last(powers.im) };
        };
        return { o: read(q, s), state };
      },
      token(params, { q, k, v }, past: Complex<tf.Tensor3D>) {
        const { a, c } = discretize(params);
        const ofPairs = ({ re, im }: Complex<tf.Tensor2D>) => ({ re: perPair(re, 0), im: perPair(im, 0) });
        const kv = products(k, v);
        const moved = times(past, ofPairs(a));
        const state = { re: moved.re.add<tf.Tensor3D>(kv.expandDims(-1)), im: moved.im as tf.Tensor3D };
        const s = times(state, ofPairs(c))
          .re.sum(-1)
          .mul(2)
          .add<tf.Tensor2D>(kv.mul(perPair(params.dSkip, 0)));
        return { o: read(q, s), state };
      },
      readOut: ({ oProj }, o) => linear(o, oProj),
      flops(seqLen) {
        // Per tap of a head: the powers, and 2 Re(C' A'^j). Per token: k' v and q s of every pair.
        const taps = (nHeads * dState * (6 + 4)) / 2;
        return (
          seqLen * (8 * dModel ** 2 + 2 * dState * dModel + taps + 3 * pairs) + longConvolutionFlops(seqLen, pairs)
        );
      },
    });
  },
});

/** The shift filter with its skip, as the filter of N taps that they are together. */
function createShift(width: number, taps: number): SequenceFilter {
  const filterOf = (params: unknown) => {
    const { shiftFilter, shiftSkip } = params as H3Params;
    const current = tf.pad(shiftSkip.expandDims<tf.Tensor2D>(1), [
      [0, 0],
      [0, taps - 1],
    ]);
    return [shiftFilter.add(current), { shape: 'perChannel' }] as const;
  };
  return {
    init: () => ({}), // with the mixer's
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
