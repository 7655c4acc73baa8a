/**
 * mLSTM, the matrix memory of xLSTM: linear attention whose decay and writing are gated exponentially, one gate of each per head.
 *
 *   m_t = max(log f_t + m_{t-1}, i_t);   C_t = e^{log f_t + m_{t-1} - m_t} C_{t-1} + e^{i_t - m_t} k_t v_t^T;   n_t likewise with k_t
 *   h_t = C_t^T q'_t / max(|n_t . q'_t|, e^{-m_t}),   q' = K^(-1/2) q,   log f = logsigmoid(f), or f itself (exponential forget gate)
 *
 *   plain   q, k, v, i, f, g = x W + b;   y = (LN(h) o sigmoid(g)) W_o                           the layer of xLSTM 7B
 *   block   [u, z] = x W_up;   a = silu(conv(u) + b);   q, k of a and v of u by block-diagonal maps;   i, f = [q, k, v] W + b
 *           y = ((LN(h) + skip o a) o silu(z)) W_down                                            the block of the first paper
 *
 * LN is the LayerNorm of every head's columns, with a weight and no bias; i and f are capped, c tanh(. / c), before they are used.
 *
 * Sources: [1] Beck et al. 2024, "xLSTM: Extended long short-term memory" (arXiv 2405.04517), equations 19 to 27 and figure 11; [2] Beck
 * et al. 2025, "xLSTM 7B" (arXiv 2503.13427), section 3; [3] NX-AI/xlstm, `blocks/mlstm` and `xlstm_large/model.py`.
 * Deviations: the code of [3] adds 1e-6 to the denominator, after which h depends on m, and stores the norm's weight minus 1.
 */
import { defineMixer, type Mixer, type MixerFactory, type MixerForms, refuseIdle } from '@mixerzoo/core';
import {
  createFilterOptions,
  createWithFilters,
  type FilterConfig,
  projectionInitOption,
  type ScanState,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { type BlockParams, createBlock } from './block.js';
import type { MLstmMemory } from './ops/m-lstm-scan/index.js';
import { createPlain, type PlainParams } from './plain.js';

const { filterOptions, filterCheck, withFilters } = createFilterOptions({ filters: 'none' });
/** The convolution of the layout `block`. */
const withConvolution = createWithFilters({ options: { width: 'dConv' }, off: { dConv: 1 } });

const options = {
  dModel: z.int().positive().describe('model width d'),
  layout: z
    .enum(['plain', 'block'])
    .default('plain')
    .describe('gates and projections of x (plain: xLSTM 7B), or of a wider, convolved branch (block: the first paper)'),
  nHeads: z
    .int()
    .positive()
    .optional()
    .describe('heads H; default the most of 4 and 2 that divide d / 2 (plain) or the inner width (block), else 1'),
  headDim: z.int().positive().optional().describe('plain: columns K of queries and keys per head; default d / (2 H)'),
  expandV: z.number().positive().optional().describe('plain: columns V of values per head, over K; default 2'),
  expand: z.number().positive().optional().describe('block: inner width E over d; default 2'),
  dConv: z.int().positive().optional().describe('block: taps of the short convolution; default 4'),
  projBlock: z
    .int()
    .positive()
    .optional()
    .describe(
      'block: width of the blocks of the maps to q, k and v; default the most of 4 and 2 that divide E, else 1',
    ),
  forgetGate: z
    .enum(['sigmoid', 'exp'])
    .default('sigmoid')
    .describe('log f is logsigmoid of what is projected, or that itself'),
  gateSoftCap: z
    .number()
    .min(0)
    .optional()
    .describe('c of the cap c tanh(. / c) of both gates, 0 for none; default 15 (plain), 0 (block)'),
  normEps: z.number().positive().optional().describe('eps of the LayerNorm; default 1e-6 (plain), 1e-5 (block)'),
  init: projectionInitOption.init
    .unwrap()
    .optional()
    .describe('how projections start: zoology, fanIn, smallInit or normal; default zoology (plain), smallInit (block)'),
  ...filterOptions,
};

const isPlain = ({ layout }: { readonly layout: string }) => layout === 'plain';
const isBlock = ({ layout }: { readonly layout: string }) => layout === 'block';

/** Config of {@link mLstm}. What is left out fits any width. */
export const mLstmSchema = z
  .strictObject(options)
  .check(
    refuseIdle<{ readonly layout: string }, keyof typeof options>(options, {
      headDim: [isPlain, "layout 'plain'"],
      filters: [isPlain, "layout 'plain', the other has a convolution (dConv)"],
      expandV: [isPlain, "layout 'plain'"],
      expand: [isBlock, "layout 'block'"],
      dConv: [isBlock, "layout 'block'"],
      projBlock: [isBlock, "layout 'block'"],
    }),
    filterCheck,
  )
  .transform((config) => {
    const { dModel, layout } = config;
    const plain = layout === 'plain';
    const inner = (config.expand ?? 2) * dModel;
    const nHeads = config.nHeads ?? divisorOf(plain ? dModel / 2 : inner);
    return {
      dModel,
      layout,
      nHeads,
      ...(plain
        ? {
            headDim: config.headDim ?? Math.max(1, Math.floor(dModel / (2 * nHeads))),
            expandV: config.expandV ?? 2,
            filters: config.filters,
            filterWidth: config.filterWidth,
            filterInit: config.filterInit,
            filterResidual: config.filterResidual,
            filterActivation: config.filterActivation,
            dState: config.dState,
          }
        : { expand: config.expand ?? 2, dConv: config.dConv ?? 4, projBlock: config.projBlock ?? divisorOf(inner) }),
      forgetGate: config.forgetGate,
      gateSoftCap: config.gateSoftCap ?? (plain ? 15 : 0),
      normEps: config.normEps ?? (plain ? 1e-6 : 1e-5),
      init: config.init ?? (plain ? ('zoology' as const) : ('smallInit' as const)),
    };
  });

/** Options of {@link mLstm}. */
export type MLstmConfig = z.input<typeof mLstmSchema>;

/** The most of 4 and 2 that divides a width, else 1. */
function divisorOf(width: number): number {
  return [4, 2].find((count) => width % count === 0) ?? 1;
}

/** The parsed config; options of the other layout are absent. */
export type ParsedMLstmConfig = Pick<
  z.output<typeof mLstmSchema>,
  'dModel' | 'layout' | 'nHeads' | 'forgetGate' | 'gateSoftCap' | 'normEps' | 'init'
> &
  Partial<Record<'headDim' | 'expandV' | 'expand' | 'dConv' | 'projBlock', number>> &
  Partial<FilterConfig>;

export type MLstmParams = PlainParams | BlockParams;

/** `c` [B, H, K, V], `n` [B, H, K], `m` [B, H]; in the layout `block` `filters.a` too, the convolution's last inputs [B, W - 1, E]. */
export type MLstmState = ScanState<MLstmMemory>;

/**
 * mLSTM: `C_t = f_t C_{t-1} + i_t k_t v_t^T`, `h_t = C_t^T q_t / max(|n_t . q_t|, 1)`, gates exponential and stabilised. Its state does not
 * grow with the length.
 * @throws InvalidConfigError
 * @example mLstm({ dModel: 64, nHeads: 2 })
 */
export const mLstm: MixerFactory<typeof mLstmSchema, Mixer<MLstmParams, MLstmState>> = defineMixer({
  name: 'mLstm',
  summary: 'mLSTM (xLSTM): a matrix memory with an exponential input gate and a forget gate per head, normalised.',
  schema: mLstmSchema,
  withFilters: (config, filters) =>
    config.layout === 'plain' ? withFilters(config as FilterConfig, filters) : withConvolution(config, filters),
  create: (config): MixerForms<MLstmParams, MLstmState> =>
    // A layout's forms are given the parameters that it made: defineMixer holds them to it.
    (config.layout === 'plain' ? createPlain(config) : createBlock(config)) as MixerForms<MLstmParams, MLstmState>,
});
