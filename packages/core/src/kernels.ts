/** `@mixerzoo/core/kernels`: what ops and their kernels are written with, on every engine. */
export type { TensorOf } from './dims.js';
export { dims } from './dims.js';
export type { TensorflowAttr, TensorflowAttrs, TensorflowInput } from './engines/tensorflow/op.js';
export { tensorflowOp, tensorflowValue } from './engines/tensorflow/op.js';
export { gemmScratchBytes, packedColumnsBytes, packedRowsBytes } from './engines/wasm/gemm.js';
export type { WasmCall, WasmCode, WasmKernel } from './engines/wasm/kernel.js';
export type { FeatureMap } from './engines/webgpu/chunkwise.js';
export { chunkwiseBackward, chunkwiseForward, FEATURE_GRADIENT, FEATURE_INPUT } from './engines/webgpu/chunkwise.js';
export { EACH_ELEMENT, elementwise, forEachElement, SOFTPLUS_WGSL } from './engines/webgpu/elementwise.js';
export { multiply } from './engines/webgpu/gemm.js';
export type { WebgpuCall, WebgpuKernel } from './engines/webgpu/kernel.js';
export { pairwiseForward } from './engines/webgpu/pairwise.js';
export { pairwiseBackward } from './engines/webgpu/pairwise-gradient.js';
export { columnSums, rowSums, sumPartials } from './engines/webgpu/reduce.js';
export { declare as declareWgsl, wgsl } from './engines/webgpu/wgsl.js';
export { eachLine, workgroupReductions } from './engines/webgpu/workgroup.js';
export { chunkRows, substituteForward } from './ops/chunks.js';
export type {
  GradientDefinition,
  GradientInputs,
  Gradients,
  NamedTensors,
  Op,
  OpAttrs,
  OpDefinition,
  OpKernels,
} from './ops/define-op.js';
export { defineOp, withReferenceForms } from './ops/define-op.js';
export { assertSeed } from './rng.js';
export { formatShape } from './tree.js';
