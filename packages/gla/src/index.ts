/** Gated linear attention for mixerzoo. */
import { definePlugin } from '@mixerzoo/core';
import { gla } from './gla.js';
import { recallModels } from './recall.js';

export { type GlaConfig, type GlaParams, type GlaState, gla, glaSchema } from './gla.js';
export { type GlaScanOptions, glaScan, glaScanOp } from './ops/gla-scan/index.js';
export { logDecay } from './ops/log-decay/index.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [gla], models: recallModels });
