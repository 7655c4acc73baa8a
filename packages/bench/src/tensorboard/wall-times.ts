/**
 * When the points of a run were measured, in seconds since 1970. Records count seconds of work, which stand still while
 * no process works on the run; epochs also say when they ended, and their steps are counted back from there, so that no
 * time lies in the future.
 */
import type { EpochRecord, RunRecord, StepRecord } from '../runs/results.js';

export interface WallTimes {
  readonly start: number;
  /** In the order of the run's epochs. */
  readonly epochEnds: readonly number[];
  readonly end: number;
  ofStep(step: StepRecord): number;
}

const seconds = (iso: string) => Date.parse(iso) / 1000;

export function wallTimes({ environment, epochs, result }: RunRecord): WallTimes {
  const epochEnds = epochs.map((epoch) => seconds(epoch.finishedAt));
  const [first, last] = [epochs[0], epochs.at(-1)];
  const start = first
    ? seconds(first.finishedAt) - first.totalSeconds
    : seconds(environment?.startedAt ?? result?.finishedAt ?? '1970-01-01');
  return {
    start,
    epochEnds,
    end: Math.max(epochEnds.at(-1) ?? start, result ? seconds(result.finishedAt) : start),
    ofStep(step) {
      const index = epochs.findIndex(({ epoch }) => epoch === step.epoch);
      const epoch = epochs[index];
      // Of an epoch that was not finished: from the end of the one before.
      if (!epoch) return (epochEnds.at(-1) ?? start) + step.seconds - (last?.seconds ?? 0);
      const before = epochs[index - 1];
      const validation = workOf(epoch, before) - (epoch.seconds - (before?.seconds ?? 0));
      return (epochEnds[index] as number) - validation - (epoch.seconds - step.seconds);
    },
  };
}

/** Seconds of training and validation in an epoch. */
function workOf(epoch: EpochRecord, before: EpochRecord | undefined): number {
  return epoch.totalSeconds - (before?.totalSeconds ?? 0);
}
