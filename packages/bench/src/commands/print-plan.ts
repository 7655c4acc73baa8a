/** `--dry-run`: what a command would train, and how long that may take. */
import { dirname } from 'node:path';
import Table from 'cli-table3';
import { max, min } from 'simple-statistics';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { formatBytes, formatCount, formatSeconds, plural } from '../report/format.js';
import { describeOtherCode, readPlanned } from '../runs/check-runs.js';
import type { ReadRun } from '../runs/read-results.js';
import { displayNames, grouped, modelKey } from '../runs/run-experiment.js';
import { type RunSize, sizeOfRun } from '../runs/run-size.js';
import { unneededRuns } from '../runs/search.js';
import { print, printJson, visibleLine } from '../terminal.js';
import { createFaultLog } from './fault-log.js';

/** A run, where it goes, and how it stands. */
interface PlannedEntry {
  readonly run: PlannedRun;
  readonly directory: string;
  readonly status: 'to do' | 'done' | 'failed' | 'not needed';
  readonly size: RunSize;
}

/** As many runs at most have a row each; of more, models have one. */
const ROWS = 10;

/** Prints the runs: a summary, or with `json` all of each. @returns the exit code: 1 if records cannot be read. */
export async function printPlan(runs: readonly PlannedRun[], out: string, json = false): Promise<number> {
  const faults = createFaultLog();
  const found = await readPlanned(runs, out, faults.count);
  const unneeded = findUnneeded(runs, found);
  const planned = [...found].map(([run, { directory, result }]): PlannedEntry => {
    const status = unneeded.has(run) ? 'not needed' : (result?.status ?? 'to do');
    return { run, directory, status, size: sizeOfRun(run) };
  });
  const isSearched = planned.some(({ run, status }) => run.config.search && status === 'to do');
  if (isSearched) print('The search leaves some of these runs out.', process.stderr);
  const otherCode = await describeOtherCode(found, out, faults.name);
  if (otherCode !== undefined) print(otherCode, process.stderr);
  if (json) printJson({ runs: planned.map(toJson), open: sizeOfOpen(planned) });
  else print(formatPlan(planned));
  return faults.exitCode(0);
}

/** What the others' results have made needless. */
function findUnneeded(runs: readonly PlannedRun[], found: ReadonlyMap<PlannedRun, ReadRun>): Set<PlannedRun> {
  const groups = grouped(runs).map((group) =>
    group.map((run) => ({ run, config: run.config, epochs: found.get(run)!.epochs, result: found.get(run)!.result })),
  );
  return new Set(groups.flatMap((group) => [...unneededRuns(group).keys()].map(({ run }) => run)));
}

const toJson = ({ run, ...entry }: PlannedEntry) => ({ ...entry, config: run.config });

/** Speeds of training at which the time of what is open is told, FLOP/s. */
const SPEEDS = [
  { speed: '50 GFLOP/s', perSecond: 50e9, of: 'two CPU cores' },
  { speed: '200 TFLOP/s', perSecond: 200e12, of: 'a GPU for training' },
] as const;

const openOf = (planned: readonly PlannedEntry[]) => planned.filter(({ status }) => status === 'to do');
const flopsOf = (planned: readonly PlannedEntry[]) => planned.reduce((sum, { size }) => sum + size.flops, 0);
const mostMemory = (planned: readonly PlannedEntry[]) =>
  formatBytes(max([0, ...planned.map(({ size }) => size.memoryBytes)]));

/** What is still to be done, together, and how long it takes. */
function sizeOfOpen(planned: readonly PlannedEntry[]) {
  const open = openOf(planned);
  const flops = flopsOf(open);
  const times = SPEEDS.map(({ speed, perSecond }) => [`at ${speed}`, formatSeconds(flops / perSecond)]);
  return {
    runs: open.length,
    flops,
    largestMemory: mostMemory(open),
    ...(open.length > 0 && Object.fromEntries(times)),
  };
}

/** A table of the runs, or of the models where there are many runs, and below it what they come to. */
function formatPlan(planned: readonly PlannedEntry[]): string {
  if (planned.length === 0) return 'Nothing is trained.';
  const [place, ...others] = [...new Set(planned.map(({ directory }) => dirname(directory)))];
  const where = others.length === 0 ? place : `${1 + others.length} directories of ${dirname(place!)}`;
  return [
    planned.length > ROWS ? modelTable(planned) : runTable(planned),
    `${plural(planned.length, 'run')}: ${countStatuses(planned)}.`,
    ...describeOpen(openOf(planned)),
    `They go to ${where}. --json prints the config of every run.`,
  ].join('\n');
}

function describeOpen(open: readonly PlannedEntry[]): string[] {
  if (open.length === 0) return [];
  const flops = flopsOf(open);
  const told = (seconds: number) => (seconds < 1 ? 'less than a second' : formatSeconds(seconds));
  const times = SPEEDS.map(({ speed, perSecond, of }) => `${told(flops / perSecond)} at ${speed} (${of})`);
  return [
    `To do: ${formatCount(flops)} FLOPs of training, at most about ${mostMemory(open)} of memory a run.`,
    `That is ${times.join(', ')}: a guess from the FLOPs, since nothing was timed.`,
  ];
}

function runTable(planned: readonly PlannedEntry[]): string {
  const names = displayNames(planned.map(({ run }) => run));
  const rows = planned.map(({ run, status, size }) => [names.get(run)!, status, ...formatSize(size)]);
  return drawTable(['run', 'status', ...SIZE_HEADS], rows);
}

function modelTable(planned: readonly PlannedEntry[]): string {
  const models = new Map<string, PlannedEntry[]>();
  for (const entry of planned) {
    const { label } = entry.run.config;
    const known = models.get(label);
    if (known) known.push(entry);
    else models.set(label, [entry]);
  }
  const rows = [...models].map(([label, entries]) => {
    const parameters = entries.map(({ size }) => size.parameters);
    const [least, most] = [min(parameters), max(parameters)].map(formatCount);
    const size = [least === most ? least! : `${least} to ${most}`, formatCount(flopsOf(entries))];
    return [label, countAxes(entries), countStatuses(entries), ...size];
  });
  return drawTable(['model', 'runs', 'status', ...SIZE_HEADS], rows);
}

const SIZE_HEADS = ['parameters', 'FLOPs'] as const;
const formatSize = ({ parameters, flops }: RunSize) => [formatCount(parameters), formatCount(flops)];

/** `12 = 2 settings x 3 rates x 2 seeds`, the axes of more than one place; the number alone where they do not make it up. */
function countAxes(entries: readonly PlannedEntry[]): string {
  const distinct = (of: (run: PlannedRun) => unknown) => new Set(entries.map(({ run }) => of(run))).size;
  const axes = [
    [distinct(modelKey), 'settings'],
    [distinct(({ config }) => config.learningRate), 'rates'],
    [distinct(({ config }) => config.seed), 'seeds'],
  ] as const;
  const product = axes.reduce((count, [size]) => count * size, 1);
  const told = axes.filter(([size]) => size > 1).map(([size, noun]) => `${size} ${noun}`);
  return product === entries.length && told.length > 0
    ? `${entries.length} = ${told.join(' x ')}`
    : `${entries.length}`;
}

/** `4 to do, 2 done`. */
function countStatuses(entries: readonly PlannedEntry[]): string {
  const counts = (['to do', 'done', 'failed', 'not needed'] as const).map((status) => {
    return [entries.filter((entry) => entry.status === status).length, status] as const;
  });
  return counts
    .filter(([count]) => count > 0)
    .map(([count, status]) => `${formatCount(count)} ${status}`)
    .join(', ');
}

/** Words to the left, the two numbers at the end to the right. */
function drawTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const colAligns = head.map((_, index) => (index < head.length - SIZE_HEADS.length ? 'left' : 'right'));
  const table = new Table({ head: [...head], colAligns, style: { head: [], border: [], compact: true } });
  for (const row of rows) table.push(row.map(visibleLine));
  return table.toString();
}
