/** The curves of a run while it is trained: in memory, and in `metrics.jsonl` of its directory. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochMetrics, Trainer } from '@mixerzoo/core';
import { readMetrics } from './history.js';
import { encodeLine, METRICS } from './records.js';
import { replaceFile } from './replace-file.js';
import type { EpochRecord, MetricRecord, StepRecord } from './results.js';
import { type Spread, spreadOf } from './spread.js';

export interface Metrics {
  readonly steps: StepRecord[];
  readonly epochs: EpochRecord[];
  add(record: MetricRecord): void;
  /** Appends what was added to the file. */
  flush(): Promise<void>;
}

/**
 * The metrics of a run up to its checkpoint. Epochs are those the checkpoint knows, steps are read back; what a killed
 * process wrote after its last checkpoint is dropped.
 */
export async function resumeMetrics(directory: string, id: string, trainer: Trainer): Promise<Metrics> {
  const path = join(directory, METRICS.file);
  const toLine = (record: MetricRecord) => encodeLine(METRICS, id, record);
  const read = await readMetrics(directory, id, () => {}); // the command has named what cannot be read
  const steps = read.filter((record) => record.kind === 'step' && record.step <= trainer.step);
  const epochs: EpochRecord[] = [];
  for (const epoch of trainer.history) epochs.push(epochRecord(epoch, epochs.at(-1)));
  const kept = [...steps, ...epochs].sort((a, b) => a.step - b.step);
  await replaceFile(path, kept.map(toLine).join(''));
  let pending = '';
  const metrics: Metrics = {
    steps: steps as StepRecord[],
    epochs,
    add(record) {
      if (record.kind === 'step') metrics.steps.push(record);
      else metrics.epochs.push(record);
      pending += toLine(record);
    },
    async flush() {
      const file = await open(path, 'a');
      try {
        await file.appendFile(pending);
        await file.sync();
      } finally {
        await file.close();
      }
      pending = '';
    },
  };
  return metrics;
}

/** The record of an epoch, after the one before it. */
export function epochRecord(epoch: EpochMetrics, before: EpochRecord | undefined): EpochRecord {
  return {
    kind: 'epoch',
    epoch: epoch.epoch,
    step: epoch.step,
    trainLoss: epoch.trainLoss,
    trainAccuracy: epoch.trainAccuracy,
    validationLoss: epoch.validationLoss,
    validationAccuracy: epoch.validationAccuracy,
    seconds: (before?.seconds ?? 0) + epoch.seconds,
    totalSeconds: (before?.totalSeconds ?? 0) + epoch.seconds + epoch.validationSeconds,
    tokensPerSecond: epoch.tokensPerSecond,
    engine: epoch.engine,
    finishedAt: epoch.finishedAt,
  };
}

/** Milliseconds a step, from the time between step records. */
export function stepTimes(records: readonly StepRecord[]): Spread {
  const times = records.map((record, index) => {
    const before = records[index - 1] ?? { step: 0, seconds: 0 };
    return (1000 * (record.seconds - before.seconds)) / (record.step - before.step);
  });
  return times.length === 0 ? { median: 0, lowerQuartile: 0, upperQuartile: 0 } : spreadOf(times);
}
