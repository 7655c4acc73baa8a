/**
 * `@mixerzoo/core`: engines, the contracts, models, training. Beside it: `/blocks` for what mixers are built from, `/kernels` for
 * ops and kernels, `/testing` for the suites, `/harness` for programs that run experiments, `/tf` for `tf` as a module, and parts that need no engine
 * (`/config`, `/errors`, `/plugin`, `/rng`, `/safetensors`, `/task`).
 */
export { refuseIdle } from './config.js';
export type { Engine, EngineChoice, EngineName, EngineOptions } from './engines/index.js';
export { currentEngine, useEngine } from './engines/index.js';
export { InvalidConfigError, isZooError, ShapeError, ZooError } from './errors.js';
export type {
  ApplyContext,
  LayerPlace,
  Mixer,
  MixerConfig,
  MixerFactory,
  MixerForms,
  ParameterFactors,
  Reading,
} from './mixer.js';
export { defineMixer, EVALUATION } from './mixer.js';
export type { ChannelMixer, ChannelMixerFactory, ChannelMixerName, HiddenRows } from './model/channel-mixer.js';
export { defineChannelMixer, mlp, swiGlu } from './model/channel-mixer.js';
export type { GenerationOptions } from './model/generate-tokens.js';
export { generateTokens } from './model/generate-tokens.js';
export type {
  BatchLoss,
  LanguageModel,
  LanguageModelConfig,
  LanguageModelParams,
  LanguageModelState,
} from './model/language-model.js';
export { createLanguageModel, disposeState } from './model/language-model.js';
export type { LayerParams, LayerSpec, ResidualName } from './model/layer.js';
export type { ShortFilters } from './model/layer-filters.js';
export type { Norm, NormFactory, NormName } from './model/norm.js';
export { defineNorm } from './model/norm.js';
export type { Sampler, SamplingConfig } from './model/sampling.js';
export { createSampler } from './model/sampling.js';
export type { TokenScores } from './model/score.js';
export { scoreTokens } from './model/score.js';
export type { ShortFilterParams, ShortFilterState } from './model/short-filter.js';
export { shortFilter } from './model/short-filter.js';
export { plugin } from './own-parts.js';
export type { ModelPreset, Plugin } from './plugin.js';
export { defineModel, definePlugin } from './plugin.js';
export { randomNormal, randomUniform } from './random-tensors.js';
export type { RecallOptions } from './recall-model.js';
export { recallModel, recallRecipe } from './recall-model.js';
export type { Rng } from './rng.js';
export { createRng, foldIn } from './rng.js';
export type { Baseline, Examples, Slice, SliceBin, SolvedTask, Split, Task, TaskFactory } from './task.js';
export { defineTask, IGNORED_LABEL } from './task.js';
export { tf } from './tf-namespace.js';
export type { Checkpoint } from './train/checkpoint.js';
export { hasCheckpoint, readCheckpoint, writeCheckpoint } from './train/checkpoint.js';
export type { EvaluationOptions, EvaluationResult, PositionAccuracy } from './train/evaluate.js';
export { evaluate, evaluateExamples } from './train/evaluate.js';
export type { Optimizer, OptimizerConfig, OptimizerState } from './train/optimizer.js';
export { createOptimizer } from './train/optimizer.js';
export type { ParameterSource } from './train/params-file.js';
export { encodeParams, loadParams, saveParams } from './train/params-file.js';
export type {
  FloatDtype,
  FloatTensor,
  Safetensors,
  SafetensorsReader,
  StoredData,
  StoredTensor,
  TensorInfo,
} from './train/safetensors.js';
export {
  FLOAT_DTYPES,
  openSafetensors,
  readSafetensors,
  saveSafetensors,
  writeSafetensors,
} from './train/safetensors.js';
export type { Schedule, ScheduleConfig } from './train/schedule.js';
export { createSchedule } from './train/schedule.js';
export type { EpochOptions, StepInfo, Trainer, TrainerConfig } from './train/trainer.js';
export { createTrainer } from './train/trainer.js';
export type { EpochMetrics } from './train/training-state.js';
export { valueAndGradients } from './train/value-and-gradients.js';
export type { Tree } from './tree.js';
export { disposeTree, flattenTree, mapTree, treeSize, unflattenTree } from './tree.js';
