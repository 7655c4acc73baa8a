export type { ExperimentConfig, LayerConfig, LayerOptions, TaskConfig } from './experiment.js';
export { defineExperiment } from './experiment.js';
export { presets } from './presets/index.js';
export type {
  EpochRecord,
  Evaluation,
  LengthEvaluation,
  MetricRecord,
  RunConfig,
  RunCost,
  RunDone,
  RunEnvironment,
  RunFailed,
  RunLayer,
  RunRecord,
  RunResult,
  StepRecord,
  TrainSettings,
} from './results.js';
export { loadRun, loadRuns } from './results.js';
