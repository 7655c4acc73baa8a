import { definePlugin } from '@mixerzoo/core';
import { cat, mhcat } from './cat.js';
import { linCat, linearAttentionMixer } from './lin-cat.js';
import { recallModels } from './recall.js';

export type { CatConfig, CatParams, CatState, MhcatConfig } from './cat.js';
export { cat, catSchema, mhcat, mhcatSchema } from './cat.js';
export type { LinCatConfig, LinCatParams, LinCatState, LinearAttentionConfig } from './lin-cat.js';
export { linCat, linCatSchema, linearAttentionMixer, linearAttentionSchema } from './lin-cat.js';
export { elu1 } from './ops/elu1/index.js';
export type { LinearAttentionOptions } from './ops/linear-attention/index.js';
export { linearAttention, linearAttentionFlops } from './ops/linear-attention/index.js';

export const plugin = /* @__PURE__ */ definePlugin({
  mixers: [cat, mhcat, linCat, linearAttentionMixer],
  models: recallModels,
});
