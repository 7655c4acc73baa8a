/** What the commands that train have in common: the plan of their runs, bringing these to their end, reading them back. */
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import { type Budget, createBudget } from '../runs/budget.js';
import { createProgressView } from '../runs/progress.js';
import { loadRun, readJson } from '../runs/read-results.js';
import type { RunConfig, RunRecord, RunResult } from '../runs/results.js';
import { assertWritable, type RunExperimentOptions, type RunOutcome, runExperiment } from '../runs/run-experiment.js';
import { parseMinutes, parseWorkers, type TrainingFlags } from './flags.js';

/** What came of the runs of a command. */
export interface Trained {
  readonly outcomes: readonly RunOutcome[];
  /** Configs of the runs that were needed, and what of them is on disk. */
  readonly planned: readonly RunConfig[];
  readonly records: readonly RunRecord[];
  /** Where words go: with `--json`, standard output is for the result alone. */
  readonly stream: NodeJS.WriteStream;
  readonly budget: Budget;
}

/**
 * Brings runs to their end under the flags of a command.
 * @param heading lines shown first, given how many runs go on at a time.
 * @throws InvalidConfigError for a flag or a directory that cannot be used, before anything is trained.
 */
export async function train(
  runs: readonly PlannedRun[],
  flags: TrainingFlags,
  {
    heading,
    ...where
  }: Pick<RunExperimentOptions, 'sourceOf' | 'cwd' | 'out'> & {
    readonly heading: (atATime: number) => readonly string[];
  },
): Promise<Trained> {
  const workers = parseWorkers(flags);
  const stallMinutes = parseMinutes(flags, 'stallMinutes');
  const budget = createBudget(parseMinutes(flags, 'maxMinutes'));
  for (const name of new Set(runs.map(({ config }) => config.experiment))) await assertWritable(join(where.out, name));
  const stream = flags.json ? process.stderr : process.stdout;
  const view = createProgressView(stream);
  for (const line of heading(Math.min(workers, runs.length))) view.line(line);
  const outcomes = await runExperiment(runs, { ...where, workers, view, stallMinutes, signal: budget.signal });
  view.close();
  const needed = outcomes.filter(({ status }) => status !== 'unneeded');
  const records: RunRecord[] = [];
  for (const { directory } of needed) {
    const record = await loadRun(directory).catch(() => undefined); // it may not have begun
    if (record) records.push(record);
  }
  return { outcomes, planned: needed.map(({ run }) => run.config), records, stream, budget };
}

/** `--dry-run`: the runs, where they go, and whether they are done. */
export async function printPlan(runs: readonly PlannedRun[], out: string, json = false): Promise<void> {
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

/** An outcome for `--json`. */
export function toJson({ run, ...rest }: RunOutcome): Record<string, unknown> {
  const { id, label, learningRate, seed } = run.config;
  return { id, label, learningRate, seed, ...rest };
}
