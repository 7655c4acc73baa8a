/**
 * Mamba: a selective state space model (S6) between a gate and a short convolution.
 *
 *   [x, z] = input W_in                        [B, L, E] each, E = expand d
 *   u = silu(conv(x) + b)                      depthwise, causal, W = dConv taps
 *   [dt, B, C] = u W_x                         widths R, N, N
 *   Delta = softplus(dt W_dt + b_dt)           A = -exp(aLog) [E, N]
 *   y = selectiveScan(u, Delta, A, B, C, D) silu(z)
 *   output = y W_out
 *
 * Sources: [1] Gu and Dao, Mamba (arXiv 2312.00752); [2] state-spaces/mamba, `modules/mamba_simple.py`;
 * [3] HazyResearch/zoology, which until January 2025 re-initialised every Linear inside a mixer.
 *
 * Glossary: E inner width (`expand dModel`), N `dState`, R `dtRank`, W `dConv`.
 */
import {
  defineMixer,
  foldIn,
  linear,
  type Mixer,
  type MixerFactory,
  randomNormal,
  shortConvolution,
  shortConvolutionCache,
  shortConvolutionStep,
  silu,
  tf,
} from '@mixerzoo/core';
import { z } from 'zod';
import { depthwise, innerWidth, linearWeight, stepSizeBias } from './initial.js';
import { selectiveScan } from './ops/selective-scan/index.js';
import { splitColumns } from './ops/split-columns/index.js';

const schema = z.strictObject({
  dModel: z.int().positive().describe('model width d'),
  dState: z.int().positive().default(16).describe('N, states per channel'),
  dConv: z.int().positive().default(4).describe('W, taps of the short convolution'),
  expand: z.number().positive().default(2).describe('inner width over d'),
  dtRank: z
    .union([z.int().positive(), z.literal('auto')])
    .default('auto')
    .describe("R, rank of the step size's projection; auto is ceil(d / 16)"),
  init: z
    .enum(['official', 'zoology2024'])
    .default('official')
    .describe("zoology2024: projections N(0, 0.02), the step size's bias 0, as the MQAR literature trained it"),
});

/** Parameters of Mamba; the shapes' letters are those of the file's glossary. */
export type MambaParams = {
  /** [d, 2E], columns x then z. */
  inProj: { weight: tf.Tensor2D };
  /** [E, W], index = delay. */
  convWeight: tf.Tensor2D;
  convBias: tf.Tensor1D;
  /** [E, R + 2N], columns dt, B, C. */
  xProj: { weight: tf.Tensor2D };
  /** weight [R, E], bias [E]. */
  dtProj: { weight: tf.Tensor2D; bias: tf.Tensor1D };
  /** [E, N] */
  aLog: tf.Tensor2D;
  /** [E] */
  dSkip: tf.Tensor1D;
  /** [E, d] */
  outProj: { weight: tf.Tensor2D };
};

/** `conv` [B, W - 1, E]: the convolution's last inputs; `ssm` [B, E, N]. */
export type MambaState = { conv: tf.Tensor3D; ssm: tf.Tensor3D };

/**
 * Mamba (S6): `h_t = exp(Delta_t A) h_{t-1} + Delta_t u_t B_t`, `y_t = (C_t h_t + D u_t) silu(z_t)`, where Delta, B and C are made
 * from the token. Its state does not grow with the length.
 * @throws InvalidConfigError
 * @example mamba({ dModel: 64, dState: 16 })
 */
export const mamba: MixerFactory<typeof schema, Mixer<MambaParams, MambaState>> = defineMixer({
  name: 'mamba',
  summary: 'Mamba: selective state space model (S6) with a gate and a short convolution.',
  schema,
  create({ dModel, dState, dConv, expand, dtRank: rank, init }) {
    const inner = innerWidth(expand, dModel);
    const dtRank = rank === 'auto' ? Math.ceil(dModel / 16) : rank;

    /** What `apply` and `step` share after the convolution: the scan of u [B, L, E] gated by z, and its final state. */
    const scan = (params: MambaParams, u: tf.Tensor3D, gate: tf.Tensor3D, initialState?: tf.Tensor3D) => {
      const projected = linear(u, params.xProj);
      const [dt, B, C] = splitColumns(projected, [dtRank, dState, dState]);
      const delta = linear(dt, { weight: params.dtProj.weight });
      const A = tf.neg(tf.exp(params.aLog));
      const { y, lastState } = selectiveScan(
        {
          u,
          delta,
          A,
          B,
          C,
          D: params.dSkip,
          z: gate,
          deltaBias: params.dtProj.bias,
          ...(initialState && { initialState }),
        },
        { deltaSoftplus: true },
      );
      return { y: linear(y, params.outProj), lastState };
    };

    const forward = (params: MambaParams, input: tf.Tensor3D) => {
      const [x, gate] = splitColumns(linear(input, params.inProj), [inner, inner]);
      const u = silu(shortConvolution(x, params.convWeight, { shape: 'perChannel', bias: params.convBias }));
      return { x, ...scan(params, u, gate) };
    };

    return {
      noDecay: ['aLog', 'dSkip', 'dtProj.bias'],
      init(seed, nLayers = 1): MambaParams {
        const part = (name: string) => foldIn(seed, name);
        const projection = (shape: [number, number], name: string, depthScale = 1) =>
          init === 'official'
            ? linearWeight(shape, part(name), depthScale)
            : randomNormal<tf.Rank.R2>(shape, 0.02 * depthScale, part(name));
        return {
          inProj: { weight: projection([dModel, 2 * inner], 'inProj') },
          convWeight: depthwise<tf.Rank.R2>([inner, dConv], dConv, part('convWeight')),
          convBias: depthwise<tf.Rank.R1>([inner], dConv, part('convBias')),
          xProj: { weight: projection([inner, dtRank + 2 * dState], 'xProj') },
          dtProj: {
            weight: projection([dtRank, inner], 'dtProj'), // official: U(+-R^(-1/2))
            bias: init === 'official' ? stepSizeBias(inner, part('dtBias')) : tf.zeros([inner]),
          },
          // aLog = log(1..N): S4D-real.
          aLog: tf.tensor2d(
            Float32Array.from({ length: inner * dState }, (_, index) => Math.log(1 + (index % dState))),
            [inner, dState],
          ),
          dSkip: tf.ones([inner]),
          outProj: {
            weight: projection([inner, dModel], 'outProj', 1 / Math.sqrt((init === 'official' ? 1 : 2) * nLayers)),
          },
        };
      },

      apply: (params, x) => tf.tidy(() => forward(params, x).y),

      prefill: (params, input) =>
        tf.tidy(() => {
          const { x, y, lastState } = forward(params, input);
          return { y, state: { conv: shortConvolutionCache(x, dConv), ssm: lastState } };
        }),

      initState: (batchSize): MambaState => ({
        conv: tf.zeros([batchSize, dConv - 1, inner]),
        ssm: tf.zeros([batchSize, inner, dState]),
      }),

      step(params, input, state: MambaState) {
        const [x, gate] = tf.tidy(() => splitColumns(linear(input, params.inProj), [inner, inner]));
        const { y: convolved, cache } = shortConvolutionStep(x, state.conv, params.convWeight, {
          shape: 'perChannel',
          bias: params.convBias,
        });
        const { y, lastState } = tf.tidy(() => {
          const u = silu(convolved).expandDims<tf.Tensor3D>(1);
          const token = scan(params, u, gate.expandDims<tf.Tensor3D>(1), state.ssm);
          return { y: token.y.reshape<tf.Tensor2D>(input.shape), lastState: token.lastState };
        });
        tf.dispose([x, gate, convolved, state.ssm]);
        return { y, state: { conv: cache, ssm: lastState } };
      },

      stateSize: () => inner * (dState + dConv - 1),

      flops(seqLen) {
        const projections = 2 * inner * (3 * dModel + (dtRank + 2 * dState) + dtRank);
        // Per state: Delta A, exp, a h + (Delta u) B, C h; per channel: softplus, Delta u, D u, two silu.
        const scanning = inner * (7 * dState + 20);
        return seqLen * (projections + 2 * inner * dConv + scanning);
      },
    };
  },
});
