import { definePlugin } from '@mixerzoo/core';
import { recallModels } from './recall.js';
import { rwkv7 } from './rwkv7.js';

export { type Rwkv7ScanOptions, rwkv7Scan } from './ops/rwkv7-scan/index.js';
export { type Rwkv7Config, type Rwkv7Params, type Rwkv7State, rwkv7 } from './rwkv7.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [rwkv7], models: recallModels });
