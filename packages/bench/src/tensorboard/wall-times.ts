/**
 * When the points of a run were measured, in seconds since 1970. Records count seconds of work, which stand still while
 * no process works on the run; epochs also say when they ended, and their steps are counted back from there.
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

/**
 * Epochs without `finishedAt` are counted back from the epoch after, from the result, or, where there is none, from the
 * start of the last process, so that no time lies in the future.
 */
export function wallTimes({ environment, epochs, result }: RunRecord): WallTimes {
  const started = seconds(environment?.startedAt ?? result?.finishedAt ?? epochs.at(-1)?.finishedAt ?? '1970-01-01');
  const last = epochs.at(-1);
  let next =
    result?.status === 'done' && last
      ? seconds(result.finishedAt) - (result.totalSeconds - last.totalSeconds)
      : started;
  const epochEnds: number[] = [];
  for (const [index, epoch] of [...epochs.entries()].reverse()) {
    const end = epoch.finishedAt === undefined ? next : seconds(epoch.finishedAt);
    epochEnds.unshift(end);
    next = end - workOf(epoch, epochs[index - 1]);
  }
  // `next` is now the start of the first epoch.
  const start = last ? next : started;
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
