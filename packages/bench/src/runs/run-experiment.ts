/**
 * Runs an experiment: each run in a worker's process, several at a time; what is done is skipped, what is partial is
 * resumed, and a run that fails leaves the others alone. Commands over one directory, on one machine or several, divide the
 * runs: each takes what nobody has, waits for the rest, and takes over what is left behind.
 */
import { access, constants, mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidConfigError } from '@mixerzoo/core';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import type { WorkerSource } from '../experiment/worker-source.js';
import { formatBytes } from '../report/format.js';
import { describeMachine } from './environment.js';
import { estimateSeconds, type TimedRun } from './estimate.js';
import { createLeaseWatch } from './lease.js';
import { formatDuration, type ProgressView } from './progress.js';
import { createRunQueue, createSearchTurns, runInOrder } from './queue.js';
import { readDone, readResult } from './read-results.js';
import { type RunDone, reaches } from './results.js';
import { measureOf } from './run-config.js';
import { type BroughtRun, searchRates } from './search-rates.js';
import { startWorker } from './start-worker.js';
import { createWorkerPool } from './worker-pool.js';

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
  /** Has the workers save their runs and end, and starts no more. */
  readonly rest?: AbortSignal;
  /** Minutes without progress after which a run is ended as failed; default: it is only said. */
  readonly stallMinutes?: number | undefined;
}

/**
 * Brings every run to its end, in the order given. Where a good run makes others unneeded, a run at a further learning
 * rate waits for those before it in its cell, and where rates are searched, all of a rung are awaited: so what is left out does not
 * depend on which worker, or which command, was faster.
 */
export async function runExperiment(runs: readonly PlannedRun[], options: RunExperimentOptions): Promise<RunOutcome[]> {
  const { out, view } = options;
  const silently = () => {}; // a result that cannot be read is made again
  const before = new Map(
    await Promise.all(
      runs.map(async (run) => [run, await readResult(runDirectory(out, run), run.config.id, silently)] as const),
    ),
  );
  const open = runs.filter((run) => before.get(run)?.status !== 'done');
  // Each worker would ask for itself.
  const machine = open.length > 0 ? await describeMachine().catch(() => undefined) : undefined;
  const atATime = new Set(open.filter(isTried).map((run) => (run.config.search ? run : (chainOf(run) ?? run))));
  const concurrent = Math.max(1, Math.min(options.workers, atATime.size));
  const pool = createWorkerPool(options.workers, concurrent);
  const queue = createRunQueue(options.workers, pool.hasAtRest);
  const finished: TimedRun[] = [];
  const outcomes = new Map<PlannedRun, RunOutcome>();
  const names = displayNames(runs);
  const place = new Map(runs.map((run, index) => [run, index]));
  let settledCount = 0;
  const others = createLeaseWatch();
  const isOver = () => options.signal?.aborted === true || options.rest?.aborted === true;

  try {
    for (let groups = grouped(runs); groups.length > 0; ) {
      await passThrough(groups);
      const held = runs.filter((run) => outcomes.get(run)?.status === 'busy');
      if (held.length === 0) break;
      await untilOneIsFree(held);
      if (isOver()) break;
      groups = groups.filter((group) => group.some((run) => !isSettled(outcomes.get(run))));
    }
  } finally {
    await pool.endAtRest();
  }
  return runs.map((run) => outcomes.get(run)!);

  /** Takes from each group what can be taken now. */
  async function passThrough(groups: readonly PlannedRun[][]): Promise<void> {
    const searched = groups.filter(([run]) => run!.config.search);
    const inTurn = new Set(groups.filter(([run]) => !run!.config.search).flat());
    await Promise.all([
      runInOrder(
        runs.filter((run) => inTurn.has(run)),
        {
          queue,
          chainOf,
          start: async (run, previous: RunOutcome | undefined) => settle(run, await bringToEnd(run, previous)),
        },
      ),
      ...searched.map(searchInTurns),
    ]);
  }

  /** Searches the learning rate of one model, whose workers are not needed after that. */
  async function searchInTurns(group: readonly PlannedRun[]): Promise<void> {
    const model = modelKey(group[0]!);
    const turns = createSearchTurns(queue, model);
    const train = (run: PlannedRun, until?: number) => turns.take(() => bring(run, until), -place.get(run)!);
    const onRest = (run: PlannedRun, epoch: number) => {
      const name = names.get(run)!;
      view.line(`${name}: trained to epoch ${epoch}, where learning rates are compared`, name);
    };
    try {
      await searchRates(group, { out, train, settle, onRest, isAborted: isOver });
    } finally {
      turns.end();
      await pool.endAtRest(model);
    }
  }

  function settle(run: PlannedRun, outcome: RunOutcome): RunOutcome {
    const known = outcomes.get(run);
    if (known && isSettled(known)) return known;
    outcomes.set(run, outcome);
    const name = names.get(run)!;
    if (!isSettled(outcome)) {
      if (known === undefined) view.line(`${name}: ${formatOutcome(outcome)}`, name);
      return outcome;
    }
    if ('result' in outcome) finished.push({ run, seconds: outcome.result.totalSeconds });
    settledCount += 1;
    const left = outcome.status === 'done' ? timeLeft() : '';
    view.line(`[${settledCount}/${runs.length}] ${name}: ${formatOutcome(outcome)}${left}`, name);
    return outcome;
  }

  async function bringToEnd(run: PlannedRun, previous: RunOutcome | undefined): Promise<RunOutcome> {
    const directory = runDirectory(out, run);
    if (before.get(run)?.status === 'done' || !previous) return bring(run) as Promise<RunOutcome>; // it rests where an epoch is named alone
    if (!isEnough(previous) && isSettled(previous)) return bring(run) as Promise<RunOutcome>;
    const result = await readDone(directory, run.config.id, silently);
    if (result) return { run, directory, status: 'skipped', result };
    if (isEnough(previous)) {
      return { run, directory, status: 'unneeded', message: 'not needed: solved at a learning rate before' };
    }
    return { run, directory, status: 'waiting', message: 'waits for the learning rate before' };
  }

  async function bring(run: PlannedRun, until?: number): Promise<BroughtRun> {
    const known = outcomes.get(run);
    if (known && isSettled(known)) return known;
    const directory = runDirectory(out, run);
    const name = names.get(run)!;
    const earlier = before.get(run);
    const result = earlier?.status === 'done' ? earlier : await readResult(directory, run.config.id, silently);
    if (result?.status === 'done') return { run, directory, status: 'skipped', result }; // before, or by another command
    if (isOver()) return { run, directory, status: 'interrupted' };
    if (result && !(earlier?.status === 'failed' && earlier.finishedAt === result.finishedAt)) {
      return { run, directory, status: 'failed', message: result.message }; // by another command, since this one began
    }
    const holder = others.look(directory);
    if (holder) return { run, directory, status: 'busy', message: inProgress(holder.owner) };
    const work = () =>
      startWorker(run, {
        ...options,
        source: options.sourceOf(run),
        pool,
        machine,
        model: modelKey(run),
        until,
        onProgress: (progress) => view.update(name, progress),
        onNote: (note) => view.line(`${name}: ${note}`),
      });
    let message = await work();
    for (let again = 0; message.kind === 'died' && again < RESTARTS && !isOver(); again++) {
      view.line(`${name}: ${message.message} It is started again.`);
      message = await work();
    }
    if (message.kind === 'done') {
      return { run, directory, status: message.before ? 'skipped' : 'done', result: message.result };
    }
    if (message.kind === 'busy') return { run, directory, status: 'busy', message: message.message };
    if (isOver()) return { run, directory, status: 'interrupted' };
    if (message.kind === 'resting') return { run, directory, status: 'resting' };
    return { run, directory, status: 'failed', message: message.message };
  }

  /** Waits until somebody else's run is done, or given up. */
  async function untilOneIsFree(held: readonly PlannedRun[]): Promise<void> {
    const directories = held.map((run) => runDirectory(out, run));
    while (!isOver() && directories.every((directory) => others.look(directory))) await sleep(LOOK_MS);
  }

  function isEnough(outcome: RunOutcome): boolean {
    if (outcome.status === 'unneeded') return true;
    const { config } = outcome.run;
    const { enoughAt } = config;
    return 'result' in outcome && enoughAt !== undefined && reaches(config, outcome.result.validation, enoughAt);
  }

  function timeLeft(): string {
    const ended = [...outcomes.values()].filter(isSettled);
    const enough = new Set(ended.filter(isEnough).map(({ run }) => cellKey(run)));
    const left = runs.filter(
      (run) => !isSettled(outcomes.get(run)) && (enough.size === 0 || !enough.has(cellKey(run))),
    );
    if (left.some(({ config }) => config.search)) return ''; // nobody knows how many will be left out
    const seconds = left.length === 0 ? undefined : estimateSeconds(finished, left, options.workers);
    return seconds === undefined ? '' : ` (about ${formatDuration(seconds)} left)`;
  }
}

/** How often a worker is started again that was killed: a machine short of memory would kill it for ever. */
const RESTARTS = 2;

/** Milliseconds between looks at what other commands have in hand. */
const LOOK_MS = 500;

const isSettled = (outcome: RunOutcome | undefined) =>
  outcome !== undefined && outcome.status !== 'busy' && outcome.status !== 'waiting';

const inProgress = (owner: string) => `in progress elsewhere, by ${owner}: waiting for it`;

/** The runs of each group that must be looked at as a whole: of a searched model, of a chain; others alone. */
export function grouped(runs: readonly PlannedRun[]): PlannedRun[][] {
  const groups = new Map<string | PlannedRun, PlannedRun[]>();
  for (const run of runs) {
    const key = run.config.search ? modelKey(run) : (chainOf(run) ?? run);
    const group = groups.get(key);
    if (group) group.push(run);
    else groups.set(key, [run]);
  }
  return [...groups.values()];
}

/** The cell in which a good run makes others unneeded; undefined where none does. */
const chainOf = (run: PlannedRun) => (run.config.enoughAt === undefined ? undefined : cellKey(run));

/** A model in a setting: what a learning rate is searched for. */
export function modelKey({ config: { experiment, label, task, model, layers, train } }: PlannedRun): string {
  return JSON.stringify([experiment, label, task, model, layers, train]);
}

/** With a seed: what is tried at one learning rate after the other. */
const cellKey = (run: PlannedRun) => JSON.stringify([modelKey(run), run.config.seed]);

/** True of runs that do not wait for the choice of a learning rate. */
const isTried = ({ config: { search, seed } }: PlannedRun) => search === undefined || search.seed === seed;

/** By run: its label, with its setting, learning rate and seed where they tell it from others. */
export function displayNames(runs: readonly PlannedRun[]): ReadonlyMap<PlannedRun, string> {
  const details: ((run: PlannedRun) => string)[] = [
    ({ task }) => task.name,
    ({ config }) => `d ${config.model.dModel}`,
    ({ task }) => `L ${task.seqLen}`,
    ({ config }) => `lr ${config.learningRate}`,
    ({ config }) => `seed ${config.seed}`,
  ];
  const seen = new Map<string, Set<string>[]>();
  for (const run of runs) {
    const { label } = run.config;
    const sets = seen.get(label) ?? details.map(() => new Set<string>());
    for (const [index, detail] of details.entries()) sets[index]!.add(detail(run));
    seen.set(label, sets);
  }
  return new Map(
    runs.map((run) => {
      const { label } = run.config;
      const parts = details.flatMap((detail, index) => (seen.get(label)![index]!.size > 1 ? [detail(run)] : []));
      return [run, [label, ...parts].join(', ')];
    }),
  );
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
