import { definePlugin } from '@mixerzoo/core';
import { h3 } from './h3.js';
import { hyena } from './hyena.js';
import { recallModels } from './recall.js';

export { type H3Config, type H3Params, type H3State, h3 } from './h3.js';
export { type HyenaConfig, type HyenaParams, type HyenaState, hyena } from './hyena.js';
export { type LongConvolutionOptions, longConvolution } from './ops/long-convolution/index.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [hyena, h3], models: recallModels });
