import { definePlugin } from '@mixerzoo/core';
import { causalMean } from './causal-mean.js';

export { type CausalMeanConfig, type CausalMeanParams, type CausalMeanState, causalMean } from './causal-mean.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [causalMean] });
