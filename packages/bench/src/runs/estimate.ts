/** How long the rest of an experiment takes, from what its finished runs took. */
import { max, median, sum } from 'simple-statistics';
import type { PlannedRun } from '../experiment/resolve-runs.js';

/** A finished run and its seconds of training and testing. */
export interface TimedRun {
  readonly run: PlannedRun;
  readonly seconds: number;
}

/**
 * Seconds until `open` runs are done, `workers` at a time. A run takes what its model took elsewhere, per FLOP of its
 * training; a model none of whose runs has finished takes what all took. Undefined before the first has finished.
 */
export function estimateSeconds(
  finished: readonly TimedRun[],
  open: readonly PlannedRun[],
  workers: number,
): number | undefined {
  if (finished.length === 0) return undefined;
  const secondsPerFlop = (runs: readonly TimedRun[]) => median(runs.map(({ run, seconds }) => seconds / work(run)));
  const overall = secondsPerFlop(finished);
  const labels = new Set(open.map(({ config }) => config.label));
  const ofModel = new Map<string, number>();
  for (const label of labels) {
    const alike = finished.filter(({ run }) => run.config.label === label);
    if (alike.length > 0) ofModel.set(label, secondsPerFlop(alike));
  }
  const seconds = open.map((run) => work(run) * (ofModel.get(run.config.label) ?? overall));
  // No pool ends before its longest run does.
  return Math.max(max([0, ...seconds]), sum([0, ...seconds]) / workers);
}

/** FLOPs of a run's training, up to a factor: forward FLOPs of all examples. */
function work({ model, task, config: { train } }: PlannedRun): number {
  const perExample = model.flops(task.seqLen, task.labelsPerExample);
  return perExample * train.batchSize * train.stepsPerEpoch * train.epochs;
}
