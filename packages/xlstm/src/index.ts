/** xLSTM for mixerzoo: mLSTM, and the scan it is made of. */
import { definePlugin } from '@mixerzoo/core';
import { mLstm } from './m-lstm.js';
import { recallModels } from './recall.js';

export type { BlockParams, BlockProjection } from './block.js';
export type { CellParams } from './cell.js';
export { type MLstmConfig, type MLstmParams, type MLstmState, mLstm, mLstmSchema } from './m-lstm.js';
export {
  type MLstmMemory,
  type MLstmScanArguments,
  type MLstmScanOptions,
  mLstmScan,
  mLstmScanOp,
} from './ops/m-lstm-scan/index.js';
export type { PlainParams } from './plain.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [mLstm], models: recallModels });
