import { definePlugin } from '@mixerzoo/core';
import { landmarkCat } from './landmark-cat.js';
import { recallModels } from './recall.js';

export type { BlockCache } from './block-cache.js';
export type { KeyFilterKind } from './key-filter.js';
export {
  defaultBlockSize,
  type LandmarkCatConfig,
  type LandmarkCatParams,
  type LandmarkCatState,
  landmarkCat,
  landmarkCatSchema,
} from './landmark-cat.js';
export { blockAttention } from './ops/block-attention/index.js';
export { chosenAttention, groupedAttention } from './ops/grouped-attention/index.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [landmarkCat], models: recallModels });
