import { definePlugin } from '@mixerzoo/core';
import { attention, slidingWindow } from './attention.js';
import { recallModels } from './recall.js';

export type { AttendOptions, Heads, NextOptions } from './attend.js';
export { attend, attendNext, attendWeights, cacheAfter } from './attend.js';
export type { AttentionConfig, AttentionParams, AttentionState, SlidingWindowConfig } from './attention.js';
export { attention, attentionSchema, slidingWindow, slidingWindowSchema } from './attention.js';
export type { HeadLayout } from './heads.js';
export { createHeads, headOptions } from './heads.js';
export type { CachedAttentionOptions } from './ops/cached-attention/index.js';
export { cachedAttention } from './ops/cached-attention/index.js';
export type { CausalAttentionOptions } from './ops/causal-attention/index.js';
export { causalAttention } from './ops/causal-attention/index.js';
export type { ContextExtension, RotaryFrequencies, Temperature } from './ops/rotary/frequencies.js';
export { rotaryAngles, rotaryFrequencies, yarnTemperature } from './ops/rotary/frequencies.js';
export { rotary } from './ops/rotary/index.js';
export type { PositionalConfig, Positions } from './positions.js';
export { alibiSlopes, createPositions, positionalCheck, positionalOptions } from './positions.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [attention, slidingWindow], models: recallModels });
