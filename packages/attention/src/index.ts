import { definePlugin } from '@mixerzoo/core';
import { attention, slidingWindow } from './attention.js';

export type { KvCache } from './attend.js';
export { attend, cachedTokens, emptyKvCache, extendKvCache, trimToWindow } from './attend.js';
export type { AttentionParams } from './attention.js';
export { attention, attentionSchema, headDimOf, slidingWindow, slidingWindowSchema } from './attention.js';
export { joinHeads, splitHeads } from './heads.js';
export type { CausalAttentionOptions } from './ops/causal-attention/index.js';
export { causalAttention } from './ops/causal-attention/index.js';
export type { ContextExtension, RotaryFrequencies } from './ops/rotary/frequencies.js';
export { rotaryAngles, rotaryFrequencies, yarnTemperature } from './ops/rotary/frequencies.js';
export { rotary } from './ops/rotary/index.js';
export type { PositionalConfig, Positions } from './positions.js';
export { alibiSlopes, createPositions, positionalCheck, positionalOptions } from './positions.js';
export type { ProjectionInit } from './projection-init.js';
export { initProjection, projectionInitOption } from './projection-init.js';

export const plugin = definePlugin({ mixers: [attention, slidingWindow] });
