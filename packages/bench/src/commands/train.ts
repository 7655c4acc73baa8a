/** What the commands that train have in common: bringing runs to their end, reading them back. */
import { join } from 'node:path';
import { writePlan } from '../cluster/plan.js';
import { parseShard, runsOf } from '../cluster/shard.js';
import { assertNameIsFree } from '../experiment/names.js';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { createBudget } from '../runs/budget.js';
import { describeOtherCode, mendConfigs, readPlanned } from '../runs/check-runs.js';
import { leaseTime } from '../runs/lease.js';
import { createProgressView } from '../runs/progress.js';
import type { RunRecord } from '../runs/results.js';
import type { RunConfig } from '../runs/run-config.js';
import { assertWritable, type RunExperimentOptions, type RunOutcome, runExperiment } from '../runs/run-experiment.js';
import { createFaultLog, type FaultLog } from './fault-log.js';
import { parseMinutes, parseWorkers, type TrainingFlags } from './flags.js';

/** What came of the runs of a command. */
export interface Trained {
  readonly outcomes: readonly RunOutcome[];
  /** Configs of the runs that were needed, and what of them is on disk. */
  readonly planned: readonly RunConfig[];
  readonly records: readonly RunRecord[];
  /** Where words go: with `--json`, standard output is for the result alone. */
  readonly stream: NodeJS.WriteStream;
  readonly faults: FaultLog;
  /** Says what is missing on standard error. */
  exitCode(): number;
}

/**
 * Brings runs to their end under the flags of a command.
 * @param heading lines shown first, given how many runs go on at a time.
 * @throws InvalidConfigError for a flag, a variable of the environment or a directory that cannot be used, before anything is trained.
 */
export async function train(
  runs: readonly PlannedRun[],
  flags: TrainingFlags,
  {
    heading,
    place,
    ...where
  }: Pick<RunExperimentOptions, 'sourceOf' | 'cwd' | 'out'> & {
    readonly heading: (atATime: number) => readonly string[];
    /** Of the report. */
    readonly place: string;
  },
): Promise<Trained> {
  const workers = parseWorkers(flags);
  const stallMinutes = parseMinutes(flags, 'stallMinutes');
  leaseTime(); // refused here, and not by every worker
  const budget = createBudget(parseMinutes(flags, 'maxMinutes'));
  for (const name of new Set(runs.map(({ config }) => config.experiment))) {
    await assertNameIsFree(where.out, name);
    await assertWritable(join(where.out, name));
  }
  await assertWritable(place);
  await writePlan(place, where.out, runs, process.argv.slice(2).join(' '));
  const shard = flags.shard && parseShard(flags.shard.at(-1)!);
  const mine = shard ? runsOf(runs, shard) : runs;
  const stream = flags.json ? process.stderr : process.stdout;
  const view = createProgressView(stream);
  for (const line of heading(Math.min(workers, mine.length))) view.line(line);
  const faults = createFaultLog();
  const otherCode = await lookBefore(runs, where.out, faults);
  if (otherCode !== undefined) view.line(otherCode);
  const outcomes = await runExperiment(mine, {
    ...where,
    workers,
    view,
    stallMinutes,
    signal: budget.signal,
    rest: budget.rest,
  });
  const unneeded = new Set(outcomes.filter(({ status }) => status === 'unneeded').map(({ run }) => run));
  const planned = runs.filter((run) => !unneeded.has(run));
  const read = await readPlanned(planned, where.out, faults.count);
  const records = [...read.values()].filter((run): run is RunRecord => run.config !== undefined);
  const reasons = records.flatMap(({ environment }) => environment?.engine.passedOver ?? []);
  for (const reason of new Set(reasons)) view.line(`wasm was used in place of a faster engine. ${reason}`);
  view.close();
  const hasBegun = ({ run }: RunOutcome) => read.get(run)?.config !== undefined;
  const exitCode = () => faults.exitCode(budget.exitCode(outcomes, hasBegun));
  return { outcomes, planned: planned.map(({ config }) => config), records, stream, faults, exitCode };
}

/** Mends what is on disk, names what cannot be read of runs that are open, and says which are of other code. */
async function lookBefore(runs: readonly PlannedRun[], out: string, { name }: FaultLog): Promise<string | undefined> {
  const found = await readPlanned(runs, out, name, 'open'); // what is done is read when all is
  await mendConfigs(found, name);
  return describeOtherCode(found, out, name);
}

/** An outcome for `--json`. */
export function toJson({ run, ...rest }: RunOutcome): Record<string, unknown> {
  const { id, label, learningRate, seed } = run.config;
  return { id, label, learningRate, seed, ...rest };
}
