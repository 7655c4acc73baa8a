/** How long the rest of an experiment takes, from what its finished runs took. */
import { median, sum } from 'simple-statistics';
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
  const seconds = open.map((run) => {
    const alike = finished.filter((other) => other.run.config.label === run.config.label);
    return work(run) * (alike.length > 0 ? secondsPerFlop(alike) : overall);
  });
  // No pool ends before its longest run does.
  return Math.max(0, ...seconds, sum([0, ...seconds]) / workers);
}

/** FLOPs of a run's training, up to a factor: forward FLOPs of all examples. */
function work({ model, task, config: { train } }: PlannedRun): number {
  const perExample = model.flops(task.seqLen, task.labelsPerExample);
  return perExample * train.batchSize * train.stepsPerEpoch * train.epochs;
}
