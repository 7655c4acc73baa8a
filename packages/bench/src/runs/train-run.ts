/**
 * One run from start, or from its checkpoint, to its result. The directory is the run's whole memory: killed at any
 * moment, it loses at most the epoch it was in.
 */
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createTrainer,
  type EngineChoice,
  type EpochMetrics,
  hasCheckpoint,
  type StepInfo,
  type Trainer,
  useEngine,
} from '@mixerzoo/core';
import { median } from 'simple-statistics';
import { trainingRecipe } from '../experiment/recipe.js';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { describeEnvironment } from './environment.js';
import { measureGeneration } from './generation-cost.js';
import type { Lease } from './lease.js';
import { readMetrics } from './read-results.js';
import { CONFIG, ENVIRONMENT, encodeLine, METRICS, RESULT, writeRecord } from './records.js';
import { replaceFile } from './replace-file.js';
import { type EpochRecord, type MetricRecord, RUN_FORMAT, type RunDone, type StepRecord } from './results.js';
import { type Spread, spreadOf } from './spread.js';
import { testRun } from './test-run.js';

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
  readonly stepsPerSecond: number | null;
}

/** Step records an epoch: enough for a smooth curve, few enough to plot. */
const RECORDS_PER_EPOCH = 10;

/**
 * Trains, tests and writes the result. The lease is the caller's; nothing is written once it is lost.
 * @throws LeaseLostError, or whatever training throws; the checkpoint of the last whole epoch stays.
 */
export async function trainRun(
  run: PlannedRun,
  directory: string,
  options: {
    readonly workers: number;
    readonly packages: readonly string[];
    readonly lease: Pick<Lease, 'assertHeld'>;
    onProgress(progress: RunProgress): void;
  },
): Promise<RunDone> {
  const { config, task, model } = run;
  const { train, seed, learningRate } = config;
  await mkdir(directory, { recursive: true });
  await rm(join(directory, RESULT.file), { force: true });
  await writeRecord(CONFIG, directory, config.id, config);
  const engine = await useEngine(config.engine as EngineChoice);
  options.lease.assertHeld();
  const environment = await describeEnvironment(engine, { seed, ...options });
  await writeRecord(ENVIRONMENT, directory, config.id, environment);

  const trainer = await createTrainer({
    model,
    task,
    seed,
    batchSize: train.batchSize,
    examplesPerEpoch: train.batchSize * train.stepsPerEpoch,
    epochs: train.epochs,
    freshExamples: train.freshExamples,
    ...trainingRecipe(train, learningRate),
    clipNorm: train.clipNorm,
    validationExamples: train.validationExamples,
    stopAt: train.stopAt,
    identity: config.id,
  });
  try {
    const checkpoint = join(directory, 'checkpoint');
    if (await hasCheckpoint(checkpoint)) await trainer.restore(checkpoint);
    options.lease.assertHeld();
    const metrics = await resumeMetrics(directory, config.id, trainer);
    const progress = createProgress(train, trainer, options.onProgress);
    while (!trainer.done) {
      await trainEpoch(trainer, metrics, progress);
      options.lease.assertHeld();
      await metrics.flush();
      options.lease.assertHeld();
      await trainer.save(checkpoint);
      progress.report('training');
    }

    const peakMemoryBytes = process.resourceUsage().maxRSS * 1024; // of training: a test may be at longer lengths
    const startOfTest = performance.now();
    const { validation, test } = await testRun(run, trainer, () => progress.tick('testing'));
    const last = metrics.epochs.at(-1) as EpochRecord;
    const engines = [...new Set(trainer.history.map((epoch) => epoch.engine))];
    const at99 = metrics.epochs.find((epoch) => epoch.validationAccuracy >= 0.99);
    const result: RunDone = {
      format: RUN_FORMAT,
      id: config.id,
      status: 'done',
      finishedAt: new Date().toISOString(),
      epochs: trainer.epoch,
      steps: trainer.step,
      stoppedEarly: trainer.epoch < train.epochs,
      ...(engines.length > 1 && { engines }),
      trainSeconds: last.seconds,
      totalSeconds: last.totalSeconds + (performance.now() - startOfTest) / 1000,
      chance: task.chance,
      validation,
      test,
      to99: at99 ? { step: at99.step, seconds: at99.seconds } : null,
      cost: {
        parameters: model.parameterCount,
        stateSize: model.stateSize(task.seqLen),
        flops: model.flops(task.seqLen, task.labelsPerExample),
        tokensPerSecond: median(metrics.epochs.map((epoch) => epoch.tokensPerSecond)),
        stepMs: stepTimes(metrics.steps),
        peakMemoryBytes,
        generation: await measureGeneration(model, trainer.params, task),
      },
    };
    options.lease.assertHeld();
    await writeRecord(RESULT, directory, config.id, result);
    return result;
  } finally {
    trainer.dispose();
  }
}

interface Metrics {
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
async function resumeMetrics(directory: string, id: string, trainer: Trainer): Promise<Metrics> {
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

function epochRecord(epoch: EpochMetrics, before: EpochRecord | undefined): EpochRecord {
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

async function trainEpoch(
  trainer: Trainer,
  metrics: Metrics,
  progress: ReturnType<typeof createProgress>,
): Promise<void> {
  const every = Math.max(1, Math.floor(trainer.stepsPerEpoch / RECORDS_PER_EPOCH));
  const before = metrics.epochs.at(-1);
  let seconds = before?.seconds ?? 0;
  let sums = { loss: 0, accuracy: 0, count: 0 };
  const epoch = await trainer.runEpoch({
    onStep(info) {
      seconds += info.seconds;
      sums = { loss: sums.loss + info.loss, accuracy: sums.accuracy + info.accuracy, count: sums.count + 1 };
      if (info.step % every === 0) {
        const { step, epoch, learningRate } = info;
        const [loss, accuracy] = [sums.loss / sums.count, sums.accuracy / sums.count];
        metrics.add({ kind: 'step', step, epoch, loss, accuracy, learningRate, seconds });
        sums = { loss: 0, accuracy: 0, count: 0 };
      }
      progress.step(info);
    },
    onValidationBatch: () => progress.tick('training'),
  });
  metrics.add(epochRecord(epoch, before));
}

function createProgress(train: PlannedRun['config']['train'], trainer: Trainer, send: (progress: RunProgress) => void) {
  let lastSent = 0;
  let latest: Pick<RunProgress, 'loss' | 'accuracy' | 'stepsPerSecond'> = {
    loss: null,
    accuracy: null,
    stepsPerSecond: null,
  };
  let step = trainer.step;
  const report = (phase: RunProgress['phase']) => {
    lastSent = performance.now();
    send({
      phase,
      epoch: trainer.epoch,
      epochs: train.epochs,
      step,
      steps: train.epochs * train.stepsPerEpoch,
      validationAccuracy: trainer.history.at(-1)?.validationAccuracy ?? null,
      ...latest,
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

/** Milliseconds a step, from the time between step records. */
function stepTimes(records: readonly StepRecord[]): Spread {
  const times = records.map((record, index) => {
    const before = records[index - 1] ?? { step: 0, seconds: 0 };
    return (1000 * (record.seconds - before.seconds)) / (record.step - before.step);
  });
  return times.length === 0 ? { median: 0, lowerQuartile: 0, upperQuartile: 0 } : spreadOf(times);
}
