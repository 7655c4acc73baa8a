/** What a run tells of itself while it works. */
import type { StepInfo, Trainer } from '@mixerzoo/core';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { measureOf } from './run-config.js';

/** What a run tells while it works. */
export interface RunProgress {
  readonly phase: 'starting' | 'training' | 'testing';
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  readonly loss: number | null;
  readonly accuracy: number | null;
  /** Of the last epoch. */
  readonly validationAccuracy: number | null;
  readonly validationLoss: number | null;
  readonly stepsPerSecond: number | null;
  /** Where results are judged by likelihood: what is told then in place of accuracies. */
  readonly likelihood?: {
    readonly tokensPerSecond: number | null;
    /** Of the FLOP/s that the engine reaches; see `RunCost.peak`. Null where it was not measured. */
    readonly peakShare: number | null;
  };
}

/** Tells how far a run is. */
export type ProgressTeller = ReturnType<typeof createProgress>;

/** @param sharePerToken of the peak that one token a second makes use of. */
export function createProgress(
  { config, task }: PlannedRun,
  trainer: Trainer,
  send: (progress: RunProgress) => void,
  sharePerToken: number | undefined,
) {
  const { train } = config;
  let lastSent = 0;
  let latest: Pick<RunProgress, 'loss' | 'accuracy' | 'stepsPerSecond'> = {
    loss: null,
    accuracy: null,
    stepsPerSecond: null,
  };
  let step = trainer.step;
  const speed = (): NonNullable<RunProgress['likelihood']> => {
    const tokensPerSecond = latest.stepsPerSecond && latest.stepsPerSecond * train.batchSize * task.seqLen;
    return { tokensPerSecond, peakShare: tokensPerSecond && sharePerToken ? tokensPerSecond * sharePerToken : null };
  };
  const report = (phase: RunProgress['phase']) => {
    lastSent = performance.now();
    const last = trainer.history.at(-1);
    send({
      phase,
      epoch: trainer.epoch,
      epochs: train.epochs,
      step,
      steps: train.epochs * train.stepsPerEpoch,
      validationAccuracy: last?.validationAccuracy ?? null,
      validationLoss: last?.validationLoss ?? null,
      ...latest,
      ...(measureOf(config) === 'likelihood' && { likelihood: speed() }),
    });
  };
  /** For what comes often: five reports a second are enough. */
  const tick = (phase: RunProgress['phase']) => {
    if (performance.now() - lastSent > 200) report(phase);
  };
  report('starting');
  return {
    report,
    tick,
    step(info: StepInfo) {
      step = info.step;
      latest = { loss: info.loss, accuracy: info.accuracy, stepsPerSecond: 1 / info.secondsPerStep };
      tick('training');
    },
  };
}
