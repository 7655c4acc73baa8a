/** `@mixerzoo/core/blocks`: what mixers are built from: ops with fast kernels on every engine, and blocks made of them. */

export { dropout } from '../ops/dropout/index.js';
export { embedding, gatherRows } from '../ops/embedding/index.js';
export {
  exponentialConvolution,
  exponentialConvolutionState,
  exponentialConvolutionStep,
} from '../ops/exponential-convolution/index.js';
export { gelu } from '../ops/gelu/index.js';
export type { LinearParams } from '../ops/linear/index.js';
export { linear, linears } from '../ops/linear/index.js';
export type { LayerNormParams, RmsNormParams } from '../ops/norm/index.js';
export { layerNorm, rmsNorm } from '../ops/norm/index.js';
export type { FilterShape, ShortConvolutionOptions } from '../ops/short-convolution/index.js';
export {
  filterTaps,
  shortConvolution,
  shortConvolutionCache,
  shortConvolutionStep,
} from '../ops/short-convolution/index.js';
export { silu } from '../ops/silu/index.js';
export { tiedCrossEntropy } from '../ops/tied-cross-entropy/index.js';
export type {
  ConvolvedProjectionParams,
  ConvolvedProjections,
  ConvolvedProjectionsConfig,
} from './convolved-projections.js';
export { createConvolvedProjections } from './convolved-projections.js';
export type { DepthwiseConvolutionParams } from './depthwise-convolution.js';
export { createDepthwiseConvolution } from './depthwise-convolution.js';
export type { FilterConfig, FilterDefaults, InnerFilters, OwnFilters } from './filter-options.js';
export {
  createFilterOptions,
  createWithFilters,
  filterCheck,
  filterOptions,
  withFilters,
} from './filter-options.js';
export type { FilterStates } from './filtered-forms.js';
export type { FilterKind, SequenceFilter } from './filters.js';
export { createFilter, FILTER_KINDS } from './filters.js';
export { headDimOf, joinHeads, splitHeads } from './heads.js';
export type { KvCache } from './kv-cache.js';
export { cachedTokens, cacheRoom, emptyKvCache, extendKvCache, kvCacheOf, tokensIn } from './kv-cache.js';
export type { GatedRmsNormOptions } from './norms.js';
export { gatedRmsNorm, l2Norm, rmsNormPerHead } from './norms.js';
export type { Projection, ProjectionBias, ProjectionInit, ProjectionOptions } from './projection.js';
export { hasBias, initProjection, projectionBiasSchema, projectionInitOption } from './projection.js';
export type { ScanMixer, ScannedValues, ScanState } from './scan-mixer.js';
export { createScanMixer } from './scan-mixer.js';
export { weightsOfValues } from './weights-of-values.js';
