/** What mixers are built from, beside ops. */
export type {
  ConvolvedProjectionParams,
  ConvolvedProjections,
  ConvolvedProjectionsConfig,
} from './convolved-projections.js';
export { createConvolvedProjections } from './convolved-projections.js';
export type { DepthwiseConvolutionParams } from './depthwise-convolution.js';
export { createDepthwiseConvolution } from './depthwise-convolution.js';
export type { FilterStates } from './filtered-forms.js';
export type { FilterConfig, FilterKind, SequenceFilter } from './filters.js';
export { createFilter, FILTER_KINDS, filterCheck, filterOptions } from './filters.js';
export { headDimOf, joinHeads, splitHeads } from './heads.js';
export type { KvCache } from './kv-cache.js';
export { cachedTokens, emptyKvCache, extendKvCache, trimToWindow } from './kv-cache.js';
export type { GatedRmsNormOptions } from './norms.js';
export { gatedRmsNorm, l2Norm, rmsNormPerHead } from './norms.js';
export type { Projection, ProjectionInit, ProjectionOptions } from './projection.js';
export { initProjection, projectionInitOption } from './projection.js';
export type { ScanMixer, ScanState } from './scan-mixer.js';
export { createScanMixer } from './scan-mixer.js';
