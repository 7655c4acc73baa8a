/** The ops of core. */
export type { AdamWOptions, AdamWState } from './adam-w/index.js';
export { adamWStep, globalNorm } from './adam-w/index.js';
export type {
  GradientDefinition,
  GradientInputs,
  Gradients,
  NamedTensors,
  Op,
  OpAttrs,
  OpDefinition,
  OpKernels,
} from './define-op.js';
export { defineOp, withReferenceForms } from './define-op.js';
export { dropout } from './dropout/index.js';
export { embedding, gatherRows } from './embedding/index.js';
export {
  exponentialConvolution,
  exponentialConvolutionState,
  exponentialConvolutionStep,
} from './exponential-convolution/index.js';
export type { LinearParams } from './linear/index.js';
export { linear } from './linear/index.js';
export type { LayerNormParams, RmsNormParams } from './norm/index.js';
export { layerNorm, rmsNorm } from './norm/index.js';
export type { FilterShape, ShortConvolutionOptions } from './short-convolution/index.js';
export {
  filterTaps,
  shortConvolution,
  shortConvolutionCache,
  shortConvolutionStep,
} from './short-convolution/index.js';
export { silu } from './silu/index.js';
export { tiedCrossEntropy } from './tied-cross-entropy/index.js';
