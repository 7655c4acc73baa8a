/**
 * `@mixerzoo/core/harness`: what a program needs beside `@mixerzoo/core` that runs and compares models, as the command `mixerzoo` does:
 * which engines are there, what makes two configs the same, the parts of core by name, evaluations piece by piece.
 */
export { parseConfig } from './config.js';
export type { EngineDiagnosis } from './engines/index.js';
export { diagnoseEngines, ENGINE_CHOICES, ENGINE_NAMES, engineOfEnvironment } from './engines/index.js';
export type { TensorflowInstallation, TensorflowManifest } from './engines/tensorflow/bindings.js';
export { readTensorflowManifest, tensorflowInstallation } from './engines/tensorflow/bindings.js';
export type { NativeAddon } from './engines/wasm/native.js';
export type { WasmPeak } from './engines/wasm/peak/index.js';
export { measureWasmPeak } from './engines/wasm/peak/index.js';
export { factoryOf } from './made-by.js';
export { CHANNEL_MIXERS } from './model/channel-mixer.js';
export { RESIDUAL_NAMES } from './model/layer.js';
export type { PlacedFilters } from './model/layer-filters.js';
export { shortFiltersSchema, unwrapShortFilter } from './model/layer-filters.js';
export { NORMS } from './model/norm.js';
export type { AdamWOptions, AdamWState } from './ops/adam-w/index.js';
export { adamWStep, globalNorm } from './ops/adam-w/index.js';
export { restoreRng } from './rng.js';
export { assertSpecVersion } from './spec-version.js';
export { assertSameStructure } from './structure.js';
export { hashConfig } from './train/config-identity.js';
export { countCopies } from './train/count-copies.js';
export { sliceExamples } from './train/evaluate.js';
export { measurePeak } from './train/peak.js';
export { examplesOf, tokenBudget } from './train/training-budget.js';
export { yieldToEventLoop } from './train/yield.js';
export { treeLeaves, treeTensors, withTensors } from './tree.js';
