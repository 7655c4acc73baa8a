/**
 * Mamba-2: state-space duality (SSD), a scalar decay per head, with B and C shared by the heads of a group.
 *
 *   [z, x, B, C, dt] = input W_in              widths E, E, G N, G N, H
 *   [x, B, C] = silu(conv([x, B, C]) + b)      depthwise, causal, W = dConv taps
 *   dt = softplus(dt + dtBias)                 A = -exp(aLog) [H]; dt held to `dtLimit`
 *   y = ssd(x, dt, A, B, C, D)                 H heads of P = headDim columns, H P = E
 *   output = rmsNorm(y silu(z)) W_out          the norm over all of E; or rmsNorm(y) silu(z) with `normBeforeGate`
 *
 * Sources: [1] Dao and Gu, Transformers are SSMs (arXiv 2405.21060), section 7; [2] state-spaces/mamba,
 * `modules/mamba2_simple.py`.
 *
 * Glossary: E inner width (`expand dModel`), H heads, P `headDim`, G `nGroups`, N `dState`, W `dConv`.
 */
import { createRng, defineMixer, foldIn, InvalidConfigError, type Mixer, type MixerFactory, tf } from '@mixerzoo/core';
import {
  createDepthwiseConvolution,
  createScanMixer,
  type DepthwiseConvolutionParams,
  gatedRmsNorm,
  linear,
  type Projection,
  type ScanState,
  silu,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { withConvolution } from './convolution.js';
import { innerWidth, stepSizeBias, torchProjection } from './initial.js';
import { splitColumns } from './ops/split-columns/index.js';
import { ssd, ssdOutput } from './ops/ssd/index.js';

const schema = z.strictObject({
  dModel: z.int().positive().describe('model width d'),
  dState: z.int().positive().default(128).describe("N, columns of a head's state"),
  dConv: z.int().positive().default(4).describe('W, taps of the short convolution'),
  expand: z.number().positive().default(2).describe('inner width E over d'),
  headDim: z
    .int()
    .positive()
    .optional()
    .describe('P, columns of a head; must divide E; default the largest up to 64 that the groups allow'),
  nGroups: z.int().positive().default(1).describe('G, groups of heads that share B and C; must divide the heads'),
  chunkSize: z.int().positive().default(64).describe('tokens per chunk of the scan: speed, not function'),
  dtLimit: z
    .strictObject({
      min: z.number().min(0).default(0).describe('smallest step size'),
      max: z.number().positive().optional().describe('largest step size'),
    })
    .check(({ value, issues }) => {
      const { min, max = Infinity } = value;
      if (min < max) return;
      const message = `expected min below max, got ${min} and ${max}. Change one of them`;
      issues.push({ code: 'custom', message, input: value });
    })
    .optional()
    .describe('step sizes outside of these bounds are put on them; default none'),
  normBeforeGate: z.boolean().default(false).describe('the norm before the gate, not after it'),
  normEps: z.number().positive().default(1e-5).describe('eps of the gated norm'),
});

/** Options of {@link mamba2}. */
export type Mamba2Config = z.input<typeof schema>;

/** The largest float32: engines take no Infinity as a bound. */
const LARGEST = 3.4028234663852886e38;

/** Parameters of Mamba-2, with the convolution's [E + 2GN, W] and [E + 2GN]; letters are those of the file's glossary. */
export type Mamba2Params = DepthwiseConvolutionParams & {
  /** [d, 2E + 2GN + H], columns z, x, B, C, dt. */
  inProj: Projection;
  /** [H] */
  dtBias: tf.Tensor1D;
  /** [H] */
  aLog: tf.Tensor1D;
  /** [H] */
  dSkip: tf.Tensor1D;
  norm: { weight: tf.Tensor1D };
  /** [E, d] */
  outProj: Projection;
};

/** `filters.xBC` [B, W - 1, E + 2GN]: the convolution's last inputs; `ssm` [B, H, P, N]. */
export type Mamba2State = ScanState<{ ssm: tf.Tensor4D }>;

/**
 * Mamba-2 (SSD): `S_t = exp(dt_t A) S_{t-1} + dt_t x_t B_t^T`, `y_t = S_t C_t + D x_t` per head, with one decay A per head. Its state does
 * not grow with the length.
 * @throws InvalidConfigError
 * @example mamba2({ dModel: 64, dState: 64 })
 */
export const mamba2: MixerFactory<typeof schema, Mixer<Mamba2Params, Mamba2State>> = defineMixer({
  name: 'mamba2',
  summary: 'Mamba-2: state-space duality (SSD) with scalar decays per head and a gated norm.',
  schema,
  withFilters: withConvolution,
  create({ dModel, dState, dConv, expand, headDim: requestedHeadDim, nGroups, chunkSize, ...config }) {
    const { dtLimit, normBeforeGate, normEps } = config;
    const inner = innerWidth(expand, dModel);
    const headDim = requestedHeadDim ?? largestHead(inner, nGroups);
    const nHeads = inner / headDim;
    const convolvedWidth = inner + 2 * nGroups * dState;
    if (!Number.isInteger(nHeads)) {
      throw new InvalidConfigError(
        `mamba2: expected a headDim that divides expand dModel = ${inner}, got ${headDim}. Choose a divisor of ${inner}.`,
      );
    }
    if (nHeads % nGroups !== 0) {
      throw new InvalidConfigError(
        `mamba2: expected nGroups to divide the ${nHeads} heads, got ${nGroups}. Choose a divisor of ${nHeads}.`,
      );
    }

    const conv = createDepthwiseConvolution(convolvedWidth, dConv);
    const limited = (dt: tf.Tensor3D) => (dtLimit ? tf.clipByValue(dt, dtLimit.min, dtLimit.max ?? LARGEST) : dt);

    /** What SSD takes. */
    function scanned(params: Mamba2Params, { xBC, dt }: { readonly xBC: tf.Tensor3D; readonly dt: tf.Tensor3D }) {
      const [batch, length] = xBC.shape;
      const [x, B, C] = splitColumns(silu(xBC), [inner, nGroups * dState, nGroups * dState]);
      return {
        x: x.reshape<tf.Tensor4D>([batch, length, nHeads, headDim]),
        dt: limited(tf.softplus(tf.add<tf.Tensor3D>(dt, params.dtBias))),
        A: tf.neg(tf.exp(params.aLog)),
        B: B.reshape<tf.Tensor4D>([batch, length, nGroups, dState]),
        C: C.reshape<tf.Tensor4D>([batch, length, nGroups, dState]),
        D: params.dSkip,
      };
    }
    /** [B, L, H, P] -> [B, L, E] */
    const joined = (y: tf.Tensor4D) => y.reshape<tf.Tensor3D>([y.shape[0], y.shape[1], inner]);

    return createScanMixer({
      noDecay: ['aLog', 'dSkip', 'dtBias'],
      init(seed, nLayers = 1): Mamba2Params {
        const part = (name: string) => foldIn(seed, name);
        const rng = createRng(part('aLog'));
        return {
          inProj: torchProjection([dModel, inner + convolvedWidth + nHeads], part('inProj')),
          ...conv.init(seed),
          dtBias: stepSizeBias(nHeads, part('dtBias')),
          aLog: tf.tensor1d(Float32Array.from({ length: nHeads }, () => Math.log(1 + 15 * rng.uniform()))), // A in U(1, 16)
          dSkip: tf.ones([nHeads]),
          norm: { weight: tf.ones([inner]) },
          outProj: torchProjection([inner, dModel], part('outProj'), nLayers),
        };
      },
      project(params, input) {
        const [z, xBC, dt] = splitColumns(linear(input, params.inProj), [inner, convolvedWidth, nHeads]);
        return { z, xBC, dt };
      },
      filters: { xBC: conv },
      state: { ssm: [nHeads, headDim, dState] },
      values(params, parts) {
        const tensors = scanned(params, parts);
        return {
          values: joined(tensors.x),
          nHeads,
          sum: (rows) => joined(ssdOutput({ ...tensors, x: rows.reshape(tensors.x.shape) }, { chunkSize })),
        };
      },
      scan(params, parts, past?: { ssm: tf.Tensor4D }, keepsState?: boolean) {
        const tensors = { ...scanned(params, parts), ...(past && { initialState: past.ssm }) };
        if (!keepsState) return { o: joined(ssdOutput(tensors, { chunkSize })) };
        const { y, lastState } = ssd(tensors, { chunkSize });
        return { o: joined(y), state: () => ({ ssm: lastState }) };
      },
      readOut: (params, o, { z }) =>
        linear(gatedRmsNorm(o, z, params.norm, { gateFirst: !normBeforeGate, eps: normEps }), params.outProj),
      flops(seqLen) {
        const chunk = Math.min(chunkSize, seqLen);
        const padded = chunk * Math.ceil(seqLen / chunk);
        const projections = 2 * dModel * (inner + convolvedWidth + nHeads) + 2 * inner * dModel;
        // The chunked form: C B^T per group, running sums of log decays, weights times x; states in and out.
        const scanning = 2 * chunk * (nGroups * dState + nHeads + inner) + 4 * inner * dState;
        const decays = 6 * chunk * nHeads;
        return seqLen * (projections + conv.flops + 20 * inner) + padded * (scanning + decays);
      },
    });
  },
});

/** The largest width of a head up to 64 that divides the inner width into heads which the groups divide; 1 if there is none. */
function largestHead(inner: number, nGroups: number): number {
  let headDim = Math.min(64, inner);
  while (headDim > 1 && (inner % headDim !== 0 || (inner / headDim) % nGroups !== 0)) headDim -= 1;
  return headDim;
}
