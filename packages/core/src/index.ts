export * from './blocks/index.js';
export { parseConfig, refuseIdle } from './config.js';
export type { TensorOf } from './dims.js';
export { dims } from './dims.js';
export type { Engine, EngineChoice, EngineDiagnosis, EngineName, EngineOptions } from './engines/index.js';
export {
  currentEngine,
  diagnoseEngines,
  ENGINE_CHOICES,
  ENGINE_NAMES,
  engineOfEnvironment,
  useEngine,
} from './engines/index.js';
export type { TensorflowInstallation, TensorflowManifest } from './engines/tensorflow/bindings.js';
export { readTensorflowManifest, tensorflowInstallation } from './engines/tensorflow/bindings.js';
export type { TensorflowAttr, TensorflowAttrs, TensorflowInput } from './engines/tensorflow/op.js';
export { tensorflowOp, tensorflowValue } from './engines/tensorflow/op.js';
export { gemmScratchBytes, packedColumnsBytes, packedRowsBytes } from './engines/wasm/gemm.js';
export type { WasmCall, WasmCode, WasmKernel } from './engines/wasm/kernel.js';
export type { WasmPeak } from './engines/wasm/peak/index.js';
export { measureWasmPeak } from './engines/wasm/peak/index.js';
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
export type { ErrorCode } from './errors.js';
export {
  CheckpointError,
  EngineError,
  formatSuggestion,
  InvalidConfigError,
  isZooError,
  NumericalError,
  nearestName,
  OutOfMemoryError,
  ShapeError,
  UnknownNameError,
  ZooError,
} from './errors.js';
export { factoryOf } from './made-by.js';
export type { ApplyContext, Mixer, MixerConfig, MixerFactory, MixerForms } from './mixer.js';
export { defineMixer, EVALUATION } from './mixer.js';
export type { ChannelMixer, ChannelMixerFactory, ChannelMixerName } from './model/channel-mixer.js';
export { CHANNEL_MIXERS, defineChannelMixer, mlp, swiGlu } from './model/channel-mixer.js';
export type {
  BatchLoss,
  LanguageModel,
  LanguageModelConfig,
  LanguageModelParams,
  LanguageModelState,
} from './model/language-model.js';
export { createLanguageModel, disposeState } from './model/language-model.js';
export type { LayerParams, LayerSpec, ResidualName } from './model/layer.js';
export { RESIDUAL_NAMES } from './model/layer.js';
export type { Norm, NormFactory, NormName } from './model/norm.js';
export { defineNorm, NORMS } from './model/norm.js';
export * from './ops/index.js';
export { plugin } from './own-parts.js';
export type { Plugin } from './plugin.js';
export { definePlugin } from './plugin.js';
export { randomNormal, randomUniform } from './random-tensors.js';
export type { Rng } from './rng.js';
export { assertSeed, createRng, foldIn, restoreRng } from './rng.js';
export { assertSameStructure } from './structure.js';
export type { Examples, Split, Task, TaskFactory } from './task.js';
export { defineTask, IGNORED_LABEL } from './task.js';
export { tf } from './tf-namespace.js';
export type { Checkpoint } from './train/checkpoint.js';
export { hasCheckpoint, readCheckpoint, writeCheckpoint } from './train/checkpoint.js';
export { hashConfig } from './train/config-identity.js';
export { countCopies } from './train/count-copies.js';
export type { EvaluationOptions, EvaluationResult, PositionAccuracy } from './train/evaluate.js';
export { evaluate, evaluateExamples, sliceExamples } from './train/evaluate.js';
export type { Optimizer, OptimizerConfig, OptimizerState } from './train/optimizer.js';
export { createOptimizer } from './train/optimizer.js';
export type { Safetensors, StoredData, StoredTensor } from './train/safetensors.js';
export { readSafetensors, writeSafetensors } from './train/safetensors.js';
export type { Schedule, ScheduleConfig } from './train/schedule.js';
export { createSchedule } from './train/schedule.js';
export type { EpochOptions, StepInfo, Trainer, TrainerConfig } from './train/trainer.js';
export { createTrainer } from './train/trainer.js';
export type { EpochMetrics } from './train/training-state.js';
export { yieldToEventLoop } from './train/yield.js';
export type { Tree } from './tree.js';
export {
  disposeTree,
  flattenTree,
  formatShape,
  mapTree,
  treeLeaves,
  treeSize,
  treeTensors,
  unflattenTree,
  withTensors,
} from './tree.js';
