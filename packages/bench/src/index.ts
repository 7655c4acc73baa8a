import { definePlugin } from '@mixerzoo/core';
import { figures } from './figures/definitions.js';
import { mad } from './figures/mad.js';
import { presets } from './presets/index.js';
import { studies } from './studies/index.js';

export type { CheckpointOptions } from './evaluation/model-from-checkpoint.js';
export { modelFromCheckpoint } from './evaluation/model-from-checkpoint.js';
export type { OpenModel } from './evaluation/open-model.js';
export type {
  ChannelMixerConfig,
  ExperimentConfig,
  LayerConfig,
  LayerOptions,
  NormConfig,
  PartConfig,
  Preset,
  TaskConfig,
} from './experiment/experiment.js';
export { defineExperiment } from './experiment/experiment.js';
export {
  declines,
  fallsShortOf,
  growsWithWidth,
  keepsUpWith,
  leads,
  reachesSomewhere,
  staysAbove,
} from './figures/claims.js';
export type {
  Claim,
  ComputedFigure,
  Figure,
  FigureExperiment,
  FigureMeasure,
  FigurePoint,
  FigureRow,
  Measured,
  TrainedFigure,
  Verdict,
} from './figures/figure.js';
export { defineFigure } from './figures/figure.js';
export type { HarnessValues, PaperRow, PaperTable } from './figures/paper-table.js';
export { paperRow } from './figures/paper-table.js';
export { holdsBeyond, isBelow, isNear, lagsBehind, type Reach, risesBeyond } from './figures/perplexity-claims.js';
export { hasNarrowerWindow } from './figures/rate-claims.js';
export type { Scale } from './figures/scales.js';
export type { ScoreTable } from './figures/score-table.js';
export { loadRun, loadRuns } from './runs/read-results.js';
export type {
  Answers,
  EpochRecord,
  Evaluation,
  FreeRunning,
  LengthEvaluation,
  MetricRecord,
  RunCost,
  RunDone,
  RunEnvironment,
  RunFailed,
  RunRecord,
  RunResult,
  StepRecord,
} from './runs/results.js';
export type { RunConfig, RunLayer, TrainSettings } from './runs/run-config.js';

/** The presets, figures and studies of this package, found as those of every package are. */
export const plugin = definePlugin({ presets, figures: [...figures, mad, ...studies] });
