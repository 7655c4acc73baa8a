/**
 * Runs an experiment: each run in a process of its own, several at a time; what is done is skipped, what is partial is
 * resumed, and a run that fails leaves the others alone.
 */
import { access, constants, mkdir } from 'node:fs/promises';
import { InvalidConfigError } from '@mixerzoo/core';
import PQueue from 'p-queue';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import type { WorkerSource } from '../experiment/worker-source.js';
import { formatBytes } from '../report/format.js';
import { estimateSeconds, type TimedRun } from './estimate.js';
import { formatDuration, type ProgressView } from './progress.js';
import { runInOrder } from './queue.js';
import { readDone } from './read-results.js';
import { type RunDone, reaches } from './results.js';
import { measureOf } from './run-config.js';
import { type BroughtRun, searchRates } from './search-rates.js';
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
  /** The model is good enough in this cell at a learning rate before this one, or the search has chosen another. */
  | { readonly status: 'unneeded'; readonly message: string }
  /** The search has left out its learning rate. */
  | { readonly status: 'leftOut'; readonly message: string }
  /** The search cannot go on before other runs of the model do. */
  | { readonly status: 'waiting'; readonly message: string }
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
 * rate waits for those before it in its cell, and where rates are searched, all of a rung are awaited: so what is left out does not
 * depend on which worker was faster.
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
  const atATime = new Set(open.filter(isTried).map((run) => (run.config.search ? run : (chainOf(run) ?? run))));
  const concurrent = Math.max(1, Math.min(options.workers, atATime.size));
  const finished: TimedRun[] = [];
  const settled = new Map<PlannedRun, RunOutcome>();
  const queue = new PQueue({ concurrency: options.workers });
  const searched = new Map<string, PlannedRun[]>();
  for (const run of runs.filter(({ config }) => config.search)) {
    searched.set(modelKey(run), [...(searched.get(modelKey(run)) ?? []), run]);
  }
  await Promise.all([
    runInOrder(
      runs.filter(({ config }) => !config.search),
      {
        queue,
        chainOf,
        start: async (run, previous: RunOutcome | undefined) => settle(run, await bringToEnd(run, previous)),
      },
    ),
    ...[...searched.values()].map((group) => {
      const train = (run: PlannedRun, until?: number) =>
        queue.add(() => bring(run, until), { priority: -runs.indexOf(run) });
      const onRest = (run: PlannedRun, epoch: number) => {
        const name = displayName(run, runs);
        options.view.line(`${name}: trained to epoch ${epoch}, where learning rates are compared`, name);
      };
      const isAborted = () => options.signal?.aborted === true;
      return searchRates(group, { out: options.out, train, settle, onRest, isAborted });
    }),
  ]);
  return runs.map((run) => settled.get(run)!);

  function settle(run: PlannedRun, outcome: RunOutcome): RunOutcome {
    settled.set(run, outcome);
    if ('result' in outcome) finished.push({ run, seconds: outcome.result.totalSeconds });
    const name = displayName(run, runs);
    options.view.line(`[${settled.size}/${runs.length}] ${name}: ${formatOutcome(outcome)}${timeLeft()}`, name);
    return outcome;
  }

  async function bringToEnd(run: PlannedRun, previous: RunOutcome | undefined): Promise<RunOutcome> {
    if (before.get(run) || !previous || !isEnough(previous)) {
      return bring(run) as Promise<RunOutcome>; // it rests where an epoch is named alone
    }
    const directory = runDirectory(options.out, run);
    const result = await readDone(directory, run.config.id, named);
    if (result) return { run, directory, status: 'skipped', result };
    return { run, directory, status: 'unneeded', message: 'not needed: solved at a learning rate before' };
  }

  async function bring(run: PlannedRun, until?: number): Promise<BroughtRun> {
    const { out, signal, view } = options;
    const directory = runDirectory(out, run);
    const name = displayName(run, runs);
    const result = before.get(run) ?? (await readDone(directory, run.config.id, named)); // by another command, in the meantime
    if (result) return { run, directory, status: 'skipped', result };
    if (signal?.aborted) return { run, directory, status: 'interrupted' };
    const message = await startWorker(run, {
      ...options,
      source: options.sourceOf(run),
      concurrent,
      until,
      onProgress: (progress) => view.update(name, progress),
      onNote: (note) => view.line(`${name}: ${note}`),
    });
    if (message.kind === 'done') return { run, directory, status: 'done', result: message.result };
    if (message.kind === 'resting') return { run, directory, status: 'resting' };
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
    if (open.some(({ config }) => config.search)) return ''; // nobody knows how many will be left out
    const seconds = open.length === 0 ? undefined : estimateSeconds(finished, open, options.workers);
    return seconds === undefined ? '' : ` (about ${formatDuration(seconds)} left)`;
  }
}

/** A model in a setting: what a learning rate is searched for. */
function modelKey({ config: { experiment, label, task, model, layers, train } }: PlannedRun): string {
  return JSON.stringify([experiment, label, task, model, layers, train]);
}

/** With a seed: what is tried at one learning rate after the other. */
const cellKey = (run: PlannedRun) => JSON.stringify([modelKey(run), run.config.seed]);

/** True of runs that do not wait for the choice of a learning rate. */
const isTried = ({ config: { search, seed } }: PlannedRun) => search === undefined || search.seed === seed;

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
  if (outcome.status === 'interrupted') return 'interrupted';
  if (!('result' in outcome)) return outcome.message;
  const { validation, trainSeconds, to99, engines, cost } = outcome.result;
  const likelihood = measureOf(outcome.run.config) === 'likelihood';
  const score = likelihood ? `${validation.loss.toFixed(3)} nats` : `${(100 * validation.accuracy).toFixed(1)} %`;
  const memory = likelihood ? `, at most ${formatBytes(cost.peakMemoryBytes)} of memory` : '';
  const done = `validation ${score} after ${outcome.result.steps} steps, ${trainSeconds.toFixed(1)} s${memory}`;
  const reached = `${to99 ? `, 99 % at step ${to99.step}` : ''}${engines ? `, trained on ${engines.join(' and ')}, which round differently` : ''}`;
  return outcome.status === 'skipped' ? `done before (${done}${reached})` : `${done}${reached}`;
}
