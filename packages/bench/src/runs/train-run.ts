/**
 * One run from start, or from its checkpoint, to its result. The directory is the run's whole memory: killed at any
 * moment, it loses at most the epoch it was in, or of a long epoch the last minutes.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createTrainer,
  type EngineChoice,
  type EpochOptions,
  hasCheckpoint,
  type Trainer,
  useEngine,
} from '@mixerzoo/core';
import { measurePeak } from '@mixerzoo/core/harness';
import { median } from 'simple-statistics';
import { testCount } from '../experiment/recipe.js';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { describeEnvironment, type Machine } from './environment.js';
import { measureGeneration } from './generation-cost.js';
import type { Lease } from './lease.js';
import { writeConfig } from './places.js';
import { ENVIRONMENT, encodeRecord, RESULT, writeRecord } from './records.js';
import type { EpochRecord, RunDone } from './results.js';
import { DEFAULT_CHECKPOINT_MINUTES, measureOf, RUN_FORMAT } from './run-config.js';
import { epochRecord, type Metrics, resumeMetrics, stepTimes } from './run-metrics.js';
import { createProgress, type ProgressTeller, type RunProgress } from './run-progress.js';
import { testRun } from './test-run.js';
import { trainerConfig } from './trainer-config.js';

/** Step records an epoch: enough for a smooth curve, few enough to plot. */
const RECORDS_PER_EPOCH = 10;
/** Trainings of more FLOPs than this, some half a minute, are worth a measurement of what the engine reaches at most. */
const LONG_TRAINING = 1e12;

export interface TrainRunOptions {
  readonly workers: number;
  readonly packages: readonly string[];
  /** The one that it is on, where that is known. */
  readonly machine?: Machine | undefined;
  readonly lease: Pick<Lease, 'assertHeld' | 'commit'>;
  /** Once aborted, training is saved after the step under way, and rests. */
  readonly rest?: AbortSignal | undefined;
  onProgress(progress: RunProgress): void;
}

/**
 * Trains, tests and writes the result. The lease is the caller's; nothing is written once it is lost.
 * @param options `until`: an epoch after which training rests, its checkpoint kept and no result written.
 * @returns the result; undefined of a run that rests, after that epoch or where it was told to.
 * @throws LeaseLostError, or whatever training throws; the checkpoint of the last whole epoch stays.
 */
export async function trainRun(run: PlannedRun, directory: string, options: TrainRunOptions): Promise<RunDone>;
export async function trainRun(
  run: PlannedRun,
  directory: string,
  options: TrainRunOptions & { readonly until: number | undefined },
): Promise<RunDone | undefined>;
export async function trainRun(
  run: PlannedRun,
  directory: string,
  options: TrainRunOptions & { readonly until?: number | undefined },
): Promise<RunDone | undefined> {
  const { until = Number.POSITIVE_INFINITY } = options;
  const { config, task, model } = run;
  const { train, seed } = config;
  await mkdir(directory, { recursive: true });
  options.lease.assertHeld();
  await rm(join(directory, RESULT.file), { force: true });
  await writeConfig(directory, config);
  const engine = await useEngine(config.engine as EngineChoice);
  const environment = await describeEnvironment(engine, { seed, ...options });
  options.lease.assertHeld();
  await writeRecord(ENVIRONMENT, directory, config.id, environment);

  const trainer = await createTrainer(trainerConfig(run));
  try {
    const checkpoint = join(directory, 'checkpoint');
    if (await hasCheckpoint(checkpoint)) await trainer.restore(checkpoint);
    options.lease.assertHeld();
    const metrics = await resumeMetrics(directory, config.id, trainer);
    const flopsPerToken = (3 * model.flops(task.seqLen, task.labelsPerExample)) / task.seqLen;
    const tokens = train.epochs * train.stepsPerEpoch * train.batchSize * task.seqLen;
    const peak = flopsPerToken * tokens > LONG_TRAINING ? await measurePeak() : undefined;
    const progress = createProgress(run, trainer, options.onProgress, peak && flopsPerToken / peak);
    const save = async () => {
      options.lease.assertHeld();
      await metrics.flush();
      options.lease.assertHeld();
      await trainer.save(checkpoint);
    };
    while (!trainer.done && trainer.epoch < until && !options.rest?.aborted) {
      const isWhole = await trainEpoch(trainer, metrics, progress, {
        save,
        everyMinutes: config.checkpointMinutes ?? DEFAULT_CHECKPOINT_MINUTES,
        rest: options.rest,
      });
      if (!isWhole) return undefined;
      await save();
      progress.report('training');
    }

    if (!trainer.done) return undefined;

    const peakMemoryBytes = process.resourceUsage().maxRSS * 1024; // of training: a test may be at longer lengths
    const startOfTest = performance.now();
    const { validation, test } = await testRun(run, trainer, () => progress.tick('testing'));
    const last = metrics.epochs.at(-1) as EpochRecord;
    const engines = [...new Set(trainer.history.flatMap(({ engine, otherEngines = [] }) => [...otherEngines, engine]))];
    const likelihood = measureOf(config) === 'likelihood';
    const at99 = likelihood ? undefined : metrics.epochs.find((epoch) => epoch.validationAccuracy >= 0.99);
    const tokensPerSecond = median(metrics.epochs.map((epoch) => epoch.tokensPerSecond));
    const baselines = likelihood ? task.baselines?.('test', testCount(train, task.seqLen)) : undefined;
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
      ...(baselines && { baselines }),
      validation,
      test,
      to99: at99 ? { step: at99.step, seconds: at99.seconds } : null,
      cost: {
        parameters: model.parameterCount,
        stateSize: model.stateSize(task.seqLen),
        flops: model.flops(task.seqLen, task.labelsPerExample),
        tokensPerSecond,
        stepMs: stepTimes(metrics.steps),
        peakMemoryBytes,
        ...(peak && { peak: { flopsPerSecond: peak, share: (flopsPerToken * tokensPerSecond) / peak } }),
        generation: await measureGeneration(model, trainer.params, task),
      },
    };
    options.lease.commit(join(directory, RESULT.file), encodeRecord(RESULT, config.id, result));
    return result;
  } finally {
    trainer.dispose();
  }
}

/**
 * Trains an epoch, or the rest of one, and saves within it after so many minutes.
 * @returns false where it was told to rest, and saved, within it.
 */
async function trainEpoch(
  trainer: Trainer,
  metrics: Metrics,
  progress: ProgressTeller,
  {
    save,
    everyMinutes,
    rest,
  }: {
    readonly save: () => Promise<void>;
    readonly everyMinutes: number;
    readonly rest: AbortSignal | undefined;
  },
): Promise<boolean> {
  const every = Math.max(1, Math.floor(trainer.stepsPerEpoch / RECORDS_PER_EPOCH));
  const before = metrics.epochs.at(-1);
  let seconds = (before?.seconds ?? 0) + trainer.epochSeconds;
  let sums = { loss: 0, accuracy: 0, count: 0 };
  let saved = performance.now();
  const rested = new AbortController();
  const options: EpochOptions = {
    signal: rested.signal,
    async onStep(info) {
      const { step, epoch, learningRate } = info;
      seconds += info.seconds;
      sums = { loss: sums.loss + info.loss, accuracy: sums.accuracy + info.accuracy, count: sums.count + 1 };
      progress.step(info);
      const isWithin = step % trainer.stepsPerEpoch !== 0;
      const isDue = isWithin && (rest?.aborted === true || performance.now() - saved > 60_000 * everyMinutes);
      if (isDue || step % every === 0) {
        const [loss, accuracy] = [sums.loss / sums.count, sums.accuracy / sums.count];
        metrics.add({ kind: 'step', step, epoch, loss, accuracy, learningRate, seconds });
        sums = { loss: 0, accuracy: 0, count: 0 };
      }
      if (!isDue) return;
      await save();
      saved = performance.now();
      if (rest?.aborted) rested.abort();
    },
    onValidationBatch: () => progress.tick('training'),
  };
  try {
    metrics.add(epochRecord(await trainer.runEpoch(options), before));
    return true;
  } catch (error) {
    if (rested.signal.aborted && error === rested.signal.reason) return false;
    throw error;
  }
}
