/**
 * Runs an experiment: each run in a process of its own, several at a time; what is done is skipped, what is partial is
 * resumed, and a run that fails leaves the others alone.
 */
import { access, constants, mkdir } from 'node:fs/promises';
import { InvalidConfigError } from '@mixerzoo/core';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import type { WorkerSource } from '../experiment/worker-source.js';
import { formatBytes } from '../report/format.js';
import { estimateSeconds, type TimedRun } from './estimate.js';
import { formatDuration, type ProgressView } from './progress.js';
import { runInOrder } from './queue.js';
import { readDone } from './read-results.js';
import { type RunDone, reaches } from './results.js';
import { measureOf } from './run-config.js';
import { startWorker } from './start-worker.js';

/** How a run of an experiment ended. */
export type RunOutcome = { readonly run: PlannedRun; readonly directory: string } & (
  | { readonly status: 'done'; readonly result: RunDone }
  /** It was done before. */
  | { readonly status: 'skipped'; readonly result: RunDone }
  | { readonly status: 'failed'; readonly message: string }
  /** Another process is working on it. */
  | { readonly status: 'busy'; readonly message: string }
  /** The command was interrupted, or its time was up, first. */
  | { readonly status: 'interrupted' }
  /** The model is good enough in this cell at a learning rate before this one; see `sweep.enoughAt`. */
  | { readonly status: 'unneeded' }
);

export interface RunExperimentOptions {
  /** From which a run's worker resolves it for itself. */
  sourceOf(run: PlannedRun): WorkerSource;
  readonly cwd: string;
  readonly out: string;
  /** Processes at a time. */
  readonly workers: number;
  readonly view: ProgressView;
  /** Ends the workers and starts no more. */
  readonly signal?: AbortSignal;
  /** Minutes without progress after which a run is ended as failed; default: it is only said. */
  readonly stallMinutes?: number | undefined;
}

/**
 * Brings every run to its end, in the order given. Where a good run makes others unneeded, a run at a further learning
 * rate waits for those before it in its cell, so that what is left out does not depend on which worker was faster.
 */
export async function runExperiment(runs: readonly PlannedRun[], options: RunExperimentOptions): Promise<RunOutcome[]> {
  const chainOf = (run: PlannedRun) => (run.config.enoughAt === undefined ? undefined : cellKey(run));
  const named = () => {}; // before: a result that cannot be read is made again
  const before = new Map(
    await Promise.all(
      runs.map(async (run) => [run, await readDone(runDirectory(options.out, run), run.config.id, named)] as const),
    ),
  );
  const open = runs.filter((run) => !before.get(run));
  const concurrent = Math.max(1, Math.min(options.workers, new Set(open.map((run) => chainOf(run) ?? run)).size));
  const finished: TimedRun[] = [];
  const settled = new Map<PlannedRun, RunOutcome>();
  return runInOrder(runs, {
    workers: options.workers,
    chainOf,
    async start(run, previous: RunOutcome | undefined) {
      const outcome = await bringToEnd(run, previous);
      settled.set(run, outcome);
      if ('result' in outcome) finished.push({ run, seconds: outcome.result.totalSeconds });
      const name = displayName(run, runs);
      options.view.line(`[${settled.size}/${runs.length}] ${name}: ${formatOutcome(outcome)}${timeLeft()}`, name);
      return outcome;
    },
  });

  async function bringToEnd(run: PlannedRun, previous: RunOutcome | undefined): Promise<RunOutcome> {
    const { out, signal, view } = options;
    const directory = runDirectory(out, run);
    const name = displayName(run, runs);
    const result = before.get(run) ?? (await readDone(directory, run.config.id, named)); // by another command, in the meantime
    if (result) return { run, directory, status: 'skipped', result };
    if (signal?.aborted) return { run, directory, status: 'interrupted' };
    if (previous && isEnough(previous)) return { run, directory, status: 'unneeded' };
    const message = await startWorker(run, {
      ...options,
      source: options.sourceOf(run),
      concurrent,
      onProgress: (progress) => view.update(name, progress),
      onNote: (note) => view.line(`${name}: ${note}`),
    });
    if (message.kind === 'done') return { run, directory, status: 'done', result: message.result };
    if (message.kind === 'busy') return { run, directory, status: 'busy', message: message.message };
    if (signal?.aborted) return { run, directory, status: 'interrupted' };
    return { run, directory, status: 'failed', message: message.message };
  }

  function isEnough(outcome: RunOutcome): boolean {
    if (outcome.status === 'unneeded') return true;
    const { config } = outcome.run;
    const { enoughAt } = config;
    return 'result' in outcome && enoughAt !== undefined && reaches(config, outcome.result.validation, enoughAt);
  }

  function timeLeft(): string {
    const enough = new Set([...settled.values()].filter(isEnough).map(({ run }) => cellKey(run)));
    const open = runs.filter((run) => !settled.has(run) && !enough.has(cellKey(run)));
    const seconds = open.length === 0 ? undefined : estimateSeconds(finished, open, options.workers);
    return seconds === undefined ? '' : ` (about ${formatDuration(seconds)} left)`;
  }
}

/** A model in a setting with a seed: what is tried at one learning rate after the other. */
function cellKey({ config: { experiment, label, task, model, layers, train, seed } }: PlannedRun): string {
  return JSON.stringify([experiment, label, task, model, layers, train, seed]);
}

/** A run's label, with its setting, learning rate and seed where they tell it from others. */
export function displayName(run: PlannedRun, among: readonly PlannedRun[]): string {
  const { label, learningRate, seed, model, task } = run.config;
  const others = among.filter((other) => other.config.label === label);
  const parts = [
    label,
    ...(others.some((other) => other.task.name !== run.task.name) ? [task.name] : []),
    ...(others.some((other) => other.config.model.dModel !== model.dModel) ? [`d ${model.dModel}`] : []),
    ...(others.some((other) => other.task.seqLen !== run.task.seqLen) ? [`L ${run.task.seqLen}`] : []),
    ...(others.some((other) => other.config.learningRate !== learningRate) ? [`lr ${learningRate}`] : []),
    ...(others.some((other) => other.config.seed !== seed) ? [`seed ${seed}`] : []),
  ];
  return parts.join(', ');
}

/** @throws InvalidConfigError if a directory for output cannot be made or written. */
export async function assertWritable(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await access(directory, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InvalidConfigError(
      `--out: expected a directory that can be written, got ${directory} (${code}). Choose another with --out.`,
      { cause: error },
    );
  }
}

function formatOutcome(outcome: RunOutcome): string {
  if (outcome.status === 'failed') return `failed: ${outcome.message.split('\n')[0]}`;
  if (outcome.status === 'busy') return outcome.message;
  if (outcome.status === 'interrupted') return 'interrupted';
  if (outcome.status === 'unneeded') return 'not needed: solved at a learning rate before';
  const { validation, trainSeconds, to99, engines, cost } = outcome.result;
  const likelihood = measureOf(outcome.run.config) === 'likelihood';
  const score = likelihood ? `${validation.loss.toFixed(3)} nats` : `${(100 * validation.accuracy).toFixed(1)} %`;
  const memory = likelihood ? `, at most ${formatBytes(cost.peakMemoryBytes)} of memory` : '';
  const done = `validation ${score} after ${outcome.result.steps} steps, ${trainSeconds.toFixed(1)} s${memory}`;
  const reached = `${to99 ? `, 99 % at step ${to99.step}` : ''}${engines ? `, trained on ${engines.join(' and ')}, which round differently` : ''}`;
  return outcome.status === 'skipped' ? `done before (${done}${reached})` : `${done}${reached}`;
}
