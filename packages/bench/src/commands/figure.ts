/** `mixerzoo figure`: trains or computes what a figure needs, draws it, and says which of its claims hold. */
import { join, resolve } from 'node:path';
import { type EngineChoice, InvalidConfigError, isZooError, useEngine } from '@mixerzoo/core';
import { UnknownNameError } from '@mixerzoo/core/errors';
import { engineOfEnvironment } from '@mixerzoo/core/harness';
import type { Experiment, ExperimentConfig } from '../experiment/experiment.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { type PlannedRun, resolveRuns } from '../experiment/resolve-runs.js';
import { VERDICT_MARKS } from '../figures/claims.js';
import {
  type ComputedFigure,
  experimentAt,
  type Figure,
  hasTable,
  isComputed,
  isStudy,
  type JudgedClaim,
  type TrainedFigure,
} from '../figures/figure.js';
import { belongsTo } from '../figures/points.js';
import { SCALES, type Scale } from '../figures/scales.js';
import type { TableData } from '../figures/table-rows.js';
import { figureSource, type WrittenFigure, writeComputedFigure, writeFigure } from '../figures/write-figure.js';
import { findPart, type Registered, type Registry } from '../plugins.js';
import { type Entry, groupEntries } from '../report/entries.js';
import { plural } from '../report/format.js';
import { assertOwnReport } from '../report/report-owner.js';
import { writeIndex } from '../report/write-index.js';
import { exclusively } from '../runs/lease.js';
import { assertWritable } from '../runs/run-experiment.js';
import { print, printJson } from '../terminal.js';
import { findPlugins } from './find-plugins.js';
import { parseAssignments, type TrainingFlags } from './flags.js';
import { printPlan } from './print-plan.js';
import { toJson, train } from './train.js';

interface FigureFlags extends TrainingFlags {
  readonly scale?: readonly string[];
  /** Of a table alone: directory of the files that the harness's tasks are published in. */
  readonly data?: readonly string[];
}

/** @returns the exit code, as of `run`: claims that do not hold are a result, not a failure. */
export async function figure(name: string, flags: FigureFlags): Promise<number> {
  const registry = await findPlugins(process.cwd());
  return makeFigure(await findPart(registry, 'figures', name), flags, registry);
}

/** @returns as {@link figure}. @throws UnknownNameError for a figure without a table. */
export const table = (name: string, flags: FigureFlags) => makeOneOf('table', hasTable, name, flags);

/** @returns as {@link figure}. @throws UnknownNameError for a figure that asks nothing of its own. */
export const study = (name: string, flags: FigureFlags) => makeOneOf('study', isStudy, name, flags);

async function makeOneOf(word: string, is: (figure: Figure) => boolean, name: string, flags: FigureFlags) {
  const registry = await findPlugins(process.cwd());
  const those = registry.figures.filter(({ part }) => is(part));
  const found = await findPart({ ...registry, figures: those }, 'figures', name).catch((error: unknown) => {
    if (!isZooError(error, 'unknown-name')) throw error;
    throw new UnknownNameError(
      word,
      name,
      those.map(({ name: known }) => known),
    );
  });
  return makeFigure(found, flags, registry);
}

async function makeFigure(found: Registered<Figure>, flags: FigureFlags, registry: Registry): Promise<number> {
  const scale = parseScale(flags.scale?.at(-1));
  const out = resolve(process.cwd(), flags.out?.at(-1) ?? 'runs');
  const place = { scale, out, directory: join(out, `${found.part.id}-${scale}`) };
  const { part } = found;
  return isComputed(part)
    ? computeFigure({ ...found, part }, place, flags)
    : trainFigure({ ...found, part }, place, flags, registry);
}

/** A scale, the directory of runs, and within it that of the figure. */
interface Place {
  readonly scale: Scale;
  readonly out: string;
  readonly directory: string;
}

async function computeFigure(
  found: Registered<ComputedFigure>,
  { scale, out, directory }: Place,
  flags: FigureFlags,
): Promise<number> {
  const [assignment] = parseAssignments(flags);
  if (assignment !== undefined) {
    throw new InvalidConfigError(
      `figure ${found.part.id}: expected no --set and no --engine, for it trains nothing, got '${assignment}'. Leave them out.`,
    );
  }
  if (flags.dryRun) return printPlan([], out, flags.json);
  await assertOwnReport(directory, { experiments: [], source: figureSource(found, scale) });
  await assertWritable(directory);
  const written = await exclusively([directory], () => writeComputedFigure(found, scale, directory));
  const index = await exclusively([out], () => writeIndex(out));
  if (flags.json) printJson({ figure: found.part.id, scale, ...written, index, runs: [] });
  else printWritten(written, index);
  return 0;
}

async function trainFigure(
  found: Registered<TrainedFigure>,
  { scale, out, directory }: Place,
  flags: FigureFlags,
  registry: Registry,
): Promise<number> {
  const { part: definition } = found;
  const { id } = definition;
  const assignments = parseAssignments(flags);
  const parts = await planFigure(definition, scale, assignments, registry);
  const runs = inRounds(parts);
  if (flags.dryRun) {
    return printPlan(runs, out, flags.json);
  }
  await assertOwnReport(directory, {
    experiments: parts.map(({ experiment }) => experiment.name),
    source: figureSource(found, scale),
  });
  await assertWritable(directory);
  const { outcomes, planned, records, stream, faults, exitCode } = await train(runs, flags, {
    sourceOf: (run) => ({ inline: parts.find((part) => part.runs.includes(run))!.config, assignments }),
    cwd: process.cwd(),
    out,
    place: directory,
    heading: (atATime) => [`${id} at ${scale} scale: ${plural(runs.length, 'run')}, ${atATime} at a time.`],
  });
  const data = flags.data && (await measureHarness(flags, groupEntries(records, planned), registry));
  const written = await exclusively([directory], () => writeFigure(found, scale, records, planned, directory, data));
  const index = await exclusively([out], () => writeIndex(out, faults.count));
  if (flags.json) {
    const result = { figure: id, scale, ...written, index, runs: outcomes.map(toJson) };
    printJson(result);
  } else {
    print(`\n${written.measured} of ${written.points} points measured.`, stream);
    printWritten(written, index, stream);
  }
  return exitCode();
}

/** What the harness says of the best run of each model, by validation. */
async function measureHarness(
  { data, engine }: FigureFlags,
  entries: readonly Entry[],
  registry: Registry,
): Promise<TableData> {
  const { harnessValues } = await import('../evaluation/harness-values.js');
  const runs = new Map(entries.flatMap(({ label, outcome }) => (outcome ? [[label, outcome.bestRun.directory]] : [])));
  const choice = (engine?.at(-1) ?? engineOfEnvironment() ?? 'auto') as EngineChoice;
  return harnessValues(runs, { data: resolve(data!.at(-1)!), engine: await useEngine(choice), registry });
}

function printWritten(
  { claims, paths }: WrittenFigure,
  index: string | undefined,
  stream: NodeJS.WriteStream = process.stdout,
): void {
  print(`\n${formatClaims(claims)}\n`, stream);
  for (const path of [paths.svg, paths.png, paths.csv, paths.document, paths.page, index])
    if (path !== undefined) print(path, stream);
}

/** An experiment of a figure with the runs that the figure shows. */
interface FigurePart {
  readonly config: ExperimentConfig;
  readonly experiment: Experiment;
  readonly runs: readonly PlannedRun[];
}

async function planFigure(
  definition: TrainedFigure,
  scale: Scale,
  assignments: readonly string[],
  registry: Registry,
): Promise<FigurePart[]> {
  const experiments = new Map(definition.rows.map(({ experiment }) => [experiment.id, experiment]));
  return Promise.all(
    [...experiments.values()].map(async (one) => {
      const config = experimentAt(one, scale);
      const loaded = await loadExperiment({ inline: config, assignments }, registry);
      const all = await resolveRuns(loaded, registry);
      const runs = all.filter((run) => definition.rows.some((row) => belongsTo(row, run.config, scale)));
      if (runs.length === 0) {
        throw new InvalidConfigError(
          `figure ${definition.id}: expected runs of '${config.name}' that it shows, got none. Leave name, models and widths to the figure.`,
        );
      }
      return { config, experiment: loaded.experiment, runs };
    }),
  );
}

/** The runs of all parts, round by round: each part's first seed and learning rate before any part's second. */
function inRounds(parts: readonly FigurePart[]): PlannedRun[] {
  return parts.flatMap(({ runs }) => runs).sort((a, b) => a.round - b.round);
}

function parseScale(name = 'quick'): Scale {
  const scale = SCALES.find((known) => known === name);
  if (!scale) throw new UnknownNameError('scale', name, [...SCALES]);
  return scale;
}

/** A line for each claim and its evidence. */
function formatClaims(claims: readonly JudgedClaim[]): string {
  return claims
    .map(
      ({ claim, source, status, evidence }) =>
        `${VERDICT_MARKS[status]} ${status}: ${claim} (${source})\n    ${evidence}`,
    )
    .join('\n');
}
