/** Based for mixerzoo: Taylor linear attention, BaseConv, and the layer patterns made of them. */
import { definePlugin } from '@mixerzoo/core';
import { baseConv } from './base-conv.js';
import { based } from './based.js';
import { recallModels } from './recall.js';

export { type BaseConvConfig, type BaseConvParams, type BaseConvState, baseConv, baseConvSchema } from './base-conv.js';
export { type BasedConfig, type BasedParams, type BasedState, based, basedSchema } from './based.js';
export { packedFeatures, taylorFeatures } from './ops/taylor-attention/features.js';
export {
  type TaylorAttentionOptions,
  taylorAttention,
  taylorChunkwiseOp,
  taylorQuadraticOp,
} from './ops/taylor-attention/index.js';
export { basedLanguageModelLayers, basedTwoLayers, type MixerLayer } from './pattern.js';

export const plugin = /* @__PURE__ */ definePlugin({ mixers: [based, baseConv], models: recallModels });
