/** What the commands that train have in common: the plan of their runs, bringing these to their end, reading them back. */
import { join } from 'node:path';
import { Document, visit } from 'yaml';
import { writePlan } from '../cluster/plan.js';
import { parseShard, runsOf } from '../cluster/shard.js';
import { assertNameIsFree } from '../experiment/names.js';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { formatBytes, formatSeconds } from '../report/format.js';
import { createBudget } from '../runs/budget.js';
import { describeOtherCode, mendConfigs, readPlanned } from '../runs/check-runs.js';
import { leaseTime } from '../runs/lease.js';
import { createProgressView } from '../runs/progress.js';
import type { RunRecord } from '../runs/results.js';
import type { RunConfig } from '../runs/run-config.js';
import { assertWritable, type RunExperimentOptions, type RunOutcome, runExperiment } from '../runs/run-experiment.js';
import { type RunSize, sizeOfRun } from '../runs/run-size.js';
import { print, printJson, visible } from '../terminal.js';
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
  const found = await readPlanned(runs, where.out, faults.name, 'open'); // what is done is read when all is
  await mendConfigs(found, faults.name);
  const otherCode = await describeOtherCode(found, where.out, faults.name);
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
  const exitCode = () => faults.exitCode(budget.exitCode(outcomes));
  return { outcomes, planned: planned.map(({ config }) => config), records, stream, faults, exitCode };
}

/** `--dry-run`: the runs, where they go, and whether they are done. @returns the exit code: 1 if records cannot be read. */
export async function printPlan(runs: readonly PlannedRun[], out: string, json = false): Promise<number> {
  const faults = createFaultLog();
  const found = await readPlanned(runs, out, faults.count);
  const planned = [...found].map(([run, { directory, result }]) => {
    return { directory, status: result?.status ?? 'to do', size: sizeOfRun(run), config: run.config };
  });
  if (runs.some(({ config }) => config.search)) print('The search leaves some of these runs out.', process.stderr);
  const otherCode = await describeOtherCode(found, out, faults.name);
  if (otherCode !== undefined) print(otherCode, process.stderr);
  const plan = { runs: planned, open: sizeOfOpen(planned) };
  if (json) printJson(plan);
  else print(toYaml(plan));
  return faults.exitCode(0);
}

/** Speeds of training at which the time of what is open is told, FLOP/s: of two CPU cores, and of a GPU for training. */
const SPEEDS = { '50 GFLOP/s': 50e9, '200 TFLOP/s': 200e12 };

/** What is still to be done, together, and how long it takes. */
function sizeOfOpen(planned: readonly { readonly status: string; readonly size: RunSize }[]) {
  const open = planned.filter(({ status }) => status === 'to do');
  const flops = open.reduce((sum, { size }) => sum + size.flops, 0);
  const times = Object.entries(SPEEDS).map(([speed, perSecond]) => [`at ${speed}`, formatSeconds(flops / perSecond)]);
  return {
    runs: open.length,
    flops,
    largestMemory: formatBytes(Math.max(0, ...open.map(({ size }) => size.memoryBytes))),
    ...(open.length > 0 && Object.fromEntries(times)),
  };
}

/** YAML in which texts with control characters are in quotes: there an escaped one is that character. */
function toYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && visible(node.value) !== node.value) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString().trimEnd();
}

/** An outcome for `--json`. */
export function toJson({ run, ...rest }: RunOutcome): Record<string, unknown> {
  const { id, label, learningRate, seed } = run.config;
  return { id, label, learningRate, seed, ...rest };
}
