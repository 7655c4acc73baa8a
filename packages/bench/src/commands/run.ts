/** `mixerzoo run`: an experiment from config to report. */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { stringify } from 'yaml';
import { type ExperimentSource, loadExperiment, parseTarget } from '../experiment-source.js';
import { discoverPlugins } from '../plugins.js';
import { createProgressView } from '../progress.js';
import { formatTable, writeIndex, writeReport } from '../report/index.js';
import { type PlannedRun, resolveRuns, runDirectory } from '../resolve-runs.js';
import { loadRun, type RunResult, readJson } from '../results.js';
import { assertWritable, displayName, type RunOutcome, runExperiment } from '../run-experiment.js';

/** Flags that name an experiment. */
export interface SourceFlags {
  readonly config?: readonly string[];
  readonly set?: readonly string[];
  readonly engine?: readonly string[];
  readonly json?: boolean;
}

interface RunFlags extends SourceFlags {
  readonly workers?: readonly number[];
  readonly out?: readonly string[];
  readonly dryRun?: boolean;
  readonly maxMinutes?: readonly number[];
}

/** @returns the exit code. */
export async function run(target: string | undefined, flags: RunFlags): Promise<number> {
  const cwd = process.cwd();
  const source = parseSource(target, flags, cwd);
  const workers = parseWorkers(flags.workers?.at(-1));
  const budget = createBudget(flags.maxMinutes?.at(-1));
  const out = resolve(cwd, last(flags.out) ?? 'runs');
  const registry = await discoverPlugins(cwd);
  const experiment = await loadExperiment(source);
  const runs = await resolveRuns(experiment, registry);
  if (flags.dryRun) {
    await printPlan(runs, out, flags.json ?? false);
    return 0;
  }
  await assertWritable(out);

  // With --json, standard output is for the result alone.
  const stream = flags.json ? process.stderr : process.stdout;
  const view = createProgressView(stream);
  view.line(
    `${experiment.name}: ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}, ${Math.min(workers, runs.length)} at a time.`,
  );
  view.line(runs[0]?.config.description ?? '');
  const outcomes = await runExperiment(runs, {
    sourceOf: () => source,
    enoughAt: () => experiment.sweep.enoughAt,
    cwd,
    out,
    workers,
    view,
    signal: budget.signal,
  });
  view.close();

  const planned = outcomes.filter(({ status }) => status !== 'unneeded').map((outcome) => outcome.run.config);
  const experimentDirectory = join(out, experiment.name);
  const loaded = await Promise.all(outcomes.map(({ directory }) => loadRun(directory).catch(() => undefined)));
  const records = loaded.filter((record) => record !== undefined);
  const paths = await writeReport(records, experimentDirectory, { planned });
  await writeIndex(out);
  if (flags.json) {
    const result = { experiment: experiment.name, report: paths, runs: outcomes.map(toJson) };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } else {
    stream.write(`\n${formatTable(records, { planned, ...(stream.isTTY ? { width: stream.columns } : {}) })}\n`);
    for (const outcome of outcomes) {
      if (outcome.status !== 'failed') continue;
      stream.write(`\n${displayName(outcome.run, runs)} failed: ${outcome.message}\n  ${outcome.directory}\n`);
    }
    stream.write(`\nReport: ${paths.page}\n`);
  }
  return budget.exitCode(outcomes);
}

/** What ends a command before its runs have ended: an interrupt, or the time it was given. */
export interface Budget {
  readonly signal: AbortSignal;
  /** Says what is missing on standard error. 0: nothing; 1: runs that failed; 3: time was up; 130: interrupted. */
  exitCode(outcomes: readonly RunOutcome[]): number;
}

/** @throws InvalidConfigError if the minutes are not above 0. */
export function createBudget(given: number | undefined): Budget {
  const maxMinutes = Number.isNaN(given) ? undefined : given; // NaN stands for a flag that is not there
  if (maxMinutes !== undefined && !(maxMinutes > 0)) {
    throw new InvalidConfigError(`--max-minutes: expected a number above 0, got ${maxMinutes}.`);
  }
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  const timeUp = new AbortController();
  const timer = maxMinutes === undefined ? undefined : setTimeout(() => timeUp.abort(), 60_000 * maxMinutes);
  timer?.unref();
  return {
    signal: AbortSignal.any([interrupt.signal, timeUp.signal]),
    exitCode(outcomes) {
      clearTimeout(timer);
      const missing = outcomes.filter(({ status }) => status === 'interrupted').length;
      if (interrupt.signal.aborted) {
        process.stderr.write('Interrupted. The same command goes on from the last whole epochs.\n');
        return 130;
      }
      if (missing > 0) {
        process.stderr.write(
          `The ${maxMinutes} minutes are spent; ${missing} of ${outcomes.length} runs are missing. The same command goes on.\n`,
        );
        return 3;
      }
      return outcomes.some(({ status }) => status === 'failed' || status === 'busy') ? 1 : 0;
    },
  };
}

/** The experiment that arguments and flags name. */
export function parseSource(target: string | undefined, flags: SourceFlags, cwd: string): ExperimentSource {
  const config = last(flags.config);
  const named = parseTarget(target === undefined && config !== undefined ? config : target, cwd);
  const over = config === undefined || target === undefined ? {} : parseTarget(config, cwd);
  if (over.preset !== undefined || (named.file && over.file)) {
    throw new InvalidConfigError(
      `--config: expected a config file on top of a preset, got '${target}' and '${config}'.`,
    );
  }
  const engine = last(flags.engine);
  return {
    ...named,
    ...over,
    assignments: [...given(flags.set), ...(engine === undefined ? [] : [`engine=${engine}`])],
  };
}

/** A flag's last value; cac hands over `[undefined]` for one that is not there. */
export function last(values: readonly string[] | undefined): string | undefined {
  return given(values).at(-1);
}

function given(values: readonly string[] | undefined): string[] {
  return (values ?? []).filter((value) => value !== undefined && value !== 'undefined');
}

export function parseWorkers(count: number | undefined): number {
  if (count === undefined || Number.isNaN(count)) return availableParallelism();
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidConfigError(`--workers: expected a whole number from 1, got ${count}.`);
  return count;
}

export async function printPlan(runs: readonly PlannedRun[], out: string, json: boolean): Promise<void> {
  const planned = await Promise.all(
    runs.map(async (entry) => {
      const directory = runDirectory(out, entry);
      const result = await readJson<RunResult>(join(directory, 'result.json')).catch(() => undefined);
      return { directory, status: result?.status ?? 'to do', config: entry.config };
    }),
  );
  const plan = { runs: planned };
  process.stdout.write(json ? `${JSON.stringify(plan, null, 2)}\n` : stringify(plan, { aliasDuplicateObjects: false }));
}

export function toJson(outcome: RunOutcome): Record<string, unknown> {
  const { run: planned, ...rest } = outcome;
  const { id, label, learningRate, seed } = planned.config;
  return { id, label, learningRate, seed, ...rest };
}
