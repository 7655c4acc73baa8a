/** mLSTM in the layout of xLSTM 7B: everything is projected from x, and a sigmoid gate lets the normed cell out. */
import { foldIn, InvalidConfigError, type MixerForms, tf } from '@mixerzoo/core';
import {
  type ConvolvedProjectionParams,
  createConvolvedProjections,
  createScanMixer,
  initProjection,
  linear,
  type Projection,
} from '@mixerzoo/core/blocks';
import { type CellParams, createCell } from './cell.js';
import type { MLstmState, ParsedMLstmConfig } from './m-lstm.js';
import type { MLstmMemory } from './ops/m-lstm-scan/index.js';

/** q, k [d, H K]; v, g [d, H V]; iGate, fGate [d, H] with biases; norm [H V]; o [H V, d]; filters as configured. */
export type PlainParams = CellParams & ConvolvedProjectionParams & { gProj: Projection; oProj: Projection };

/** @throws InvalidConfigError */
export function createPlain(config: ParsedMLstmConfig): MixerForms<PlainParams, MLstmState> {
  const { dModel, nHeads, headDim: headK = 1, expandV = 2, init: how } = config;
  const headV = Math.round(expandV * headK);
  if (Math.abs(headV - expandV * headK) > 1e-6 || headV === 0) {
    throw new InvalidConfigError(
      `expandV: expected a whole number of columns expandV K, got ${expandV} times ${headK}. Change one of them.`,
    );
  }
  const [keyWidth, valueWidth] = [nHeads * headK, nHeads * headV];
  const projections = createConvolvedProjections({ ...config, keyWidth, valueWidth });
  const cell = createCell({ ...config, headK, headV, gateWidth: dModel });
  return createScanMixer({
    init: (seed, nLayers = 1): PlainParams => ({
      ...projections.init(seed),
      gProj: initProjection([dModel, valueWidth], foldIn(seed, 'gProj'), { init: how }),
      ...cell.init(seed),
      oProj: initProjection([valueWidth, dModel], foldIn(seed, 'oProj'), { init: how, nLayers }),
    }),
    noDecay: cell.noDecay,
    project: (params, x) => ({
      ...projections.project(params, x),
      ...cell.gates(params, x),
      g: linear(x, params.gProj),
    }),
    filters: projections.filters,
    values: { role: 'v', nHeads },
    state: cell.state,
    scan: (_, parts, past?: MLstmMemory, keepsState?: boolean) => cell.scan(parts, past, keepsState),
    readOut: (params, h, { g }) => linear(cell.norm(params, h).mul<typeof h>(tf.sigmoid(g)), params.oProj),
    flops: (seqLen) => projections.flops(seqLen) + 4 * seqLen * dModel * valueWidth + cell.flops(seqLen),
  });
}
