export type { ExperimentConfig, LayerConfig, LayerOptions, TaskConfig } from './experiment/experiment.js';
export { defineExperiment } from './experiment/experiment.js';
export { presets } from './presets/index.js';
export { loadRun, loadRuns } from './runs/read-results.js';
export type {
  Answers,
  EpochRecord,
  Evaluation,
  FreeRunning,
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
} from './runs/results.js';
