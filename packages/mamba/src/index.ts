/** The Mamba family for mixerzoo: the mixers, and the scans they are made of. */
import { definePlugin } from '@mixerzoo/core';
import { mamba } from './mamba.js';
import { mamba2 } from './mamba2.js';
import { recallModels } from './recall.js';

export { type MambaConfig, type MambaParams, type MambaState, mamba } from './mamba.js';
export { type Mamba2Config, type Mamba2Params, type Mamba2State, mamba2 } from './mamba2.js';
export { type SelectiveScanArguments, selectiveScan, selectiveScanOp } from './ops/selective-scan/index.js';
export { type SsdArguments, ssd, ssdOp, ssdOutput } from './ops/ssd/index.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [mamba, mamba2], models: recallModels });
