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
import { defineMixer, foldIn, type Mixer, type MixerFactory, tf } from '@mixerzoo/core';
import {
  createDepthwiseConvolution,
  createScanMixer,
  type DepthwiseConvolutionParams,
  initProjection,
  linear,
  type Projection,
  type ScanState,
  silu,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { withConvolution } from './convolution.js';
import { innerWidth, stepSizeBias, torchProjection } from './initial.js';
import { selectiveScan, selectiveScanOutput } from './ops/selective-scan/index.js';
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

/** Options of {@link mamba}. */
export type MambaConfig = z.input<typeof schema>;

/** Parameters of Mamba, with the convolution's [E, W] and [E]; the shapes' letters are those of the file's glossary. */
export type MambaParams = DepthwiseConvolutionParams & {
  /** [d, 2E], columns x then z. */
  inProj: Projection;
  /** [E, R + 2N], columns dt, B, C. */
  xProj: Projection;
  /** weight [R, E], bias [E]. */
  dtProj: Required<Projection>;
  /** [E, N] */
  aLog: tf.Tensor2D;
  /** [E] */
  dSkip: tf.Tensor1D;
  /** [E, d] */
  outProj: Projection;
};

/** `filters.x` [B, W - 1, E]: the convolution's last inputs; `ssm` [B, E, N]. */
export type MambaState = ScanState<{ ssm: tf.Tensor3D }>;

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
  withFilters: withConvolution,
  create({ dModel, dState, dConv, expand, dtRank: rank, init }) {
    const inner = innerWidth(expand, dModel);
    const dtRank = rank === 'auto' ? Math.ceil(dModel / 16) : rank;
    const conv = createDepthwiseConvolution(inner, dConv);

    /** What the selective scan takes of the filtered x, and z. */
    function scanned(params: MambaParams, { x, z }: { readonly x: tf.Tensor3D; readonly z: tf.Tensor3D }) {
      const u = silu(x);
      const [dt, B, C] = splitColumns(linear(u, params.xProj), [dtRank, dState, dState]);
      const delta = linear(dt, { weight: params.dtProj.weight });
      const A = tf.neg(tf.exp(params.aLog));
      return { u, delta, A, B, C, D: params.dSkip, z, deltaBias: params.dtProj.bias };
    }

    return createScanMixer({
      noDecay: ['aLog', 'dSkip', 'dtProj.bias'],
      init(seed, nLayers = 1): MambaParams {
        const projection = (shape: [number, number], name: string, outputOf?: { nLayers: number }) =>
          init === 'official'
            ? torchProjection(shape, foldIn(seed, name), outputOf?.nLayers)
            : initProjection(shape, foldIn(seed, name), outputOf);
        return {
          inProj: projection([dModel, 2 * inner], 'inProj'),
          ...conv.init(seed),
          xProj: projection([inner, dtRank + 2 * dState], 'xProj'),
          dtProj: {
            ...projection([dtRank, inner], 'dtProj'), // official: U(+-R^(-1/2))
            bias: init === 'official' ? stepSizeBias(inner, foldIn(seed, 'dtBias')) : tf.zeros([inner]),
          },
          // aLog = log(1..N): S4D-real.
          aLog: tf.tensor2d(
            Float32Array.from({ length: inner * dState }, (_, index) => Math.log(1 + (index % dState))),
            [inner, dState],
          ),
          dSkip: tf.ones([inner]),
          outProj: projection([inner, dModel], 'outProj', { nLayers }),
        };
      },
      project(params, input) {
        const [x, z] = splitColumns(linear(input, params.inProj), [inner, inner]);
        return { x, z };
      },
      filters: { x: conv },
      state: { ssm: [inner, dState] },
      /** Every channel has decays of its own, and so weights of its own (arXiv 2403.01590); here with the gate. */
      values(params, parts) {
        const tensors = scanned(params, parts);
        return {
          values: tensors.u,
          nHeads: inner,
          sum: (u) => selectiveScanOutput({ ...tensors, u }, { deltaSoftplus: true }),
        };
      },
      scan(params, parts, past?: { ssm: tf.Tensor3D }, keepsState?: boolean) {
        const tensors = { ...scanned(params, parts), ...(past && { initialState: past.ssm }) };
        if (!keepsState) return { o: selectiveScanOutput(tensors, { deltaSoftplus: true }) };
        const { y, lastState } = selectiveScan(tensors, { deltaSoftplus: true });
        return { o: y, state: () => ({ ssm: lastState }) };
      },
      readOut: (params, o) => linear(o, params.outProj),
      flops(seqLen) {
        const projections = 2 * inner * (3 * dModel + (dtRank + 2 * dState) + dtRank);
        // Per state: Delta A, exp, a h + (Delta u) B, C h; per channel: softplus, Delta u, D u, two silu.
        const scanning = inner * (7 * dState + 20);
        return seqLen * (projections + conv.flops + scanning);
      },
    });
  },
});
