/**
 * What the mixers of the delta family share: q and k of unit norm, v, and beta of a token, and the gated delta rule over them.
 *
 *   q, k, v = silu(filter(x W_q)), silu(filter(x W_k)), silu(filter(x W_v))     q, k [B, L, H K], v [B, L, H V]; silu without filters too
 *   q, k   <- q / |q|, k / |k|                                                 per head
 *   beta    = sigmoid(x W_b) [B, L, H], times 2 with `allowNegEigval`
 */
import { foldIn, InvalidConfigError, tf } from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  createFilterOptions,
  type FilterConfig,
  initProjection,
  l2Norm,
  linear,
  type Projection,
  type ScanState,
  silu,
} from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { deltaRule, deltaRuleOutput } from './ops/delta-rule/index.js';
import { CHUNK } from './ops/delta-rule/reference.js';

const { filterOptions, filterCheck, withFilters } = createFilterOptions({
  filters: 'perChannel',
  filterWidth: 4,
  filterInit: 'uniform',
});

/** No option: SiLU follows in any case. */
const { filterActivation: _filterActivation, ...ownFilterOptions } = filterOptions;

/** By which a layer reaches the filters. */
export const withDeltaFilters = withFilters;

/** Refuses options of filters that would change nothing. */
export const deltaCheck = filterCheck;

/** Options of all of them, to spread into a schema. */
export const deltaOptions = {
  allowNegEigval: z.boolean().default(false).describe('beta up to 2: eigenvalues of the transition down to -1'),
  normEps: z.number().positive().default(1e-5).describe('eps of the RMSNorm'),
  ...ownFilterOptions,
};

/** q, k [d, H K]; v [d, H V]; b [d, H]; oNorm [V]; o [H V, d]; filters as configured. */
export type DeltaParams = ConvolvedProjectionParams & {
  bProj: Projection;
  oNorm: { weight: tf.Tensor1D };
  oProj: Projection;
};

/** `memory` [B, H, K, V]: S after the last token. */
export type DeltaState = ScanState<{ memory: tf.Tensor4D }>;

/** Parsed options, with the sizes of heads. */
interface DeltaConfig extends Omit<FilterConfig, 'filterActivation'> {
  readonly dModel: number;
  readonly nHeads: number;
  readonly headDim: number;
  readonly expandV: number;
  readonly allowNegEigval: boolean;
}

/** The most heads up to `most` that divide `width` columns into 16 or more each; 1 if there are none. */
export function headsOf(width: number, most: number): number {
  let nHeads = Math.min(most, Math.floor(width / 16));
  while (nHeads > 1 && width % nHeads !== 0) nHeads -= 1;
  return Math.max(1, nHeads);
}

/**
 * The parts, for `createScanMixer`.
 * @throws InvalidConfigError for widths of heads that are not whole.
 */
export function createDeltaParts(name: string, config: DeltaConfig) {
  const { dModel, nHeads, headDim: headK, expandV, allowNegEigval } = config;
  const headV = Math.round(headK * expandV);
  if (!Number.isInteger(headK) || Math.abs(headV - headK * expandV) > 1e-6 || headV === 0) {
    throw new InvalidConfigError(
      `${name}: expected whole widths of heads, got ${headK} of keys and ${headK * expandV} of values. Change nHeads, headDim or expandV.`,
    );
  }
  const [keyWidth, valueWidth] = [nHeads * headK, nHeads * headV];
  const projections = createConvolvedProjections({ ...config, keyWidth, valueWidth });

  const unitRows = <T extends tf.Tensor>(x: T): T =>
    l2Norm(silu(x).reshape([...x.shape.slice(0, -1), nHeads, headK])).reshape(x.shape) as T;

  type DeltaRows = Record<'q' | 'k' | 'v' | 'b', tf.Tensor3D> & { g?: tf.Tensor3D };

  /** What the rule takes. */
  const given = ({ q, k, v, b, g }: DeltaRows) => ({
    q: unitRows(q),
    k: unitRows(k),
    v: silu(v),
    beta: tf.sigmoid(b).mul<tf.Tensor3D>(allowNegEigval ? 2 : 1),
    ...(g && { g }),
  });

  return {
    headV,
    keyWidth,
    valueWidth,
    filters: projections.filters,
    state: { memory: [nHeads, headK, headV] },
    init: (seed: number, nLayers: number): DeltaParams => ({
      ...projections.init(seed),
      bProj: initProjection([dModel, nHeads], foldIn(seed, 'bProj')),
      oNorm: { weight: tf.ones([headV]) },
      oProj: initProjection([valueWidth, dModel], foldIn(seed, 'oProj'), { nLayers }),
    }),
    project: <T extends tf.Tensor>(params: DeltaParams, x: T) => ({
      ...projections.project(params, x),
      b: linear(x, params.bProj),
    }),
    /** g, the logarithm of the decay, [B, L, H] or [B, L, H K], if there is one. */
    scan(rows: DeltaRows, past?: { memory: tf.Tensor4D }, keepsState?: boolean) {
      const tensors = { ...given(rows), ...(past && { initialState: past.memory }) };
      if (!keepsState) return { o: deltaRuleOutput(tensors, { nHeads }) };
      const { o, lastState } = deltaRule(tensors, { nHeads });
      return { o, state: () => ({ memory: lastState }) };
    },
    /** What is corrected in the memory takes part with a negative weight. */
    values(rows: DeltaRows) {
      const tensors = given(rows);
      return { values: tensors.v, nHeads, sum: (v: tf.Tensor3D) => deltaRuleOutput({ ...tensors, v }, { nHeads }) };
    },
    flops(seqLen: number): number {
      // Chunked form, per token of a head: k . k, q . k, the triangular system, what is written within the chunk; three with S.
      const scan = CHUNK * (2 * headK + headV) + ((CHUNK - 1) / 2) * (headK + headV) + 3 * headK * headV;
      return projections.flops(seqLen) + 2 * seqLen * (dModel * nHeads + nHeads * scan + valueWidth * dModel);
    },
  };
}
