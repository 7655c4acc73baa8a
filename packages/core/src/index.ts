export { parseConfig } from './config.js';
export type { Engine, EngineChoice, EngineDiagnosis, EngineName } from './engines/index.js';
export { currentEngine, diagnoseEngines, ENGINE_NAMES, useEngine } from './engines/index.js';
export { gemmScratchBytes, packedColumnsBytes, packedRowsBytes } from './engines/wasm-gemm.js';
export type { WasmCall, WasmCode, WasmKernel } from './engines/wasm-kernel.js';
export type { ErrorCode } from './errors.js';
export {
  CheckpointError,
  EngineError,
  formatSuggestion,
  InvalidConfigError,
  isZooError,
  nearestName,
  NumericalError,
  OutOfMemoryError,
  ShapeError,
  UnknownNameError,
  ZooError,
} from './errors.js';
export type { ApplyContext, Mixer, MixerConfig, MixerFactory } from './mixer.js';
export { defineMixer, EVALUATION } from './mixer.js';
export * from './ops/index.js';
export type { Plugin } from './plugin.js';
export { definePlugin } from './plugin.js';
export type { Rng } from './rng.js';
export { createRng, foldIn, randomNormal, randomUniform, restoreRng } from './rng.js';
export type { Examples, Split, Task, TaskFactory } from './task.js';
export { defineTask, IGNORED_LABEL } from './task.js';
export * as tf from './tf.js';
export type { Tree } from './tree.js';
export {
  assertSameStructure,
  disposeTree,
  flattenTree,
  formatShape,
  keepTree,
  mapTree,
  treeLeaves,
  treeSize,
  unflattenTree,
} from './tree.js';
export type { Safetensors, StoredData, StoredTensor } from './train/safetensors.js';
export { readSafetensors, writeSafetensors } from './train/safetensors.js';
