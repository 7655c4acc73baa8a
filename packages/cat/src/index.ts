import { definePlugin } from '@mixerzoo/core';
import { cat, mhcat } from './cat.js';
import { linCat, linearAttentionMixer } from './lin-cat.js';

export type { CatParams, CatState } from './cat.js';
export { cat, catSchema, mhcat, mhcatSchema } from './cat.js';
export type { ConvolvedProjectionParams, ConvolvedProjections, FilterStates } from './convolved-projections.js';
export { createConvolvedProjections, projectionOptions } from './convolved-projections.js';
export {
  exponentialConvolution,
  exponentialConvolutionState,
  exponentialConvolutionStep,
} from './exponential-convolution/index.js';
export type { FilterKind, SequenceFilter } from './filters.js';
export { createFilter, FILTER_KINDS } from './filters.js';
export type { LinCatParams, LinCatState } from './lin-cat.js';
export { linCat, linCatSchema, linearAttentionMixer, linearAttentionSchema } from './lin-cat.js';
export { elu1 } from './ops/elu1/index.js';
export type { LinearAttentionOptions } from './ops/linear-attention/index.js';
export { linearAttention, linearAttentionFlops } from './ops/linear-attention/index.js';

export const plugin = definePlugin({ mixers: [cat, mhcat, linCat, linearAttentionMixer] });
