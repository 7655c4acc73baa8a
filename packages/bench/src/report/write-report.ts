/**
 * The report of an experiment, from its run directories: a page to read, and its numbers as text and CSV.
 *
 *   report.html   the page, self-contained
 *   table.md      the final table in Markdown
 *   table.csv     the same, unrounded, a row per model
 *   runs.csv      every run
 *   curves.csv    every recorded step and epoch of every run
 *   lengths.csv   test accuracy and loss by length
 *   positions.csv loss by position, where results are judged by likelihood
 *   slices.csv    test accuracy by kind of answer, where the task tells any apart
 *   report.json   what an index of reports says of this one
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { loadRuns } from '../runs/read-results.js';
import { replaceFile, replaceJson } from '../runs/replace-file.js';
import type { RunRecord } from '../runs/results.js';
import type { RunConfig } from '../runs/run-config.js';
import { lengthsCsv, positionsCsv, slicesCsv, tableCsv } from './csv.js';
import { groupEntries, hasSlices } from './entries.js';
import type { FigureReport } from './figure-section.js';
import { headingOf } from './heading.js';
import { assertOwnReport, type ReportSummary, readSummary } from './report-owner.js';
import { curvesCsv, runsCsv } from './run-csv.js';
import { calledFor, escapeMarkdown, markdownTable, terminalTable } from './table.js';

/** Where the files of a report are. */
export interface ReportPaths {
  readonly page: string;
  readonly markdown: string;
  readonly table: string;
  readonly runs: string;
  readonly curves: string;
  readonly lengths: string;
  /** Where losses by position were recorded. */
  readonly positions?: string;
}

/** Settings of {@link writeReport}. */
export interface ReportOptions {
  /** Heads the page; default: the experiment, its models and task. */
  readonly title?: string;
  /** In place of the experiments' own descriptions. */
  readonly description?: string;
  /** The figure that the runs make, for the head of the page. */
  readonly figure?: FigureReport;
  /** Configs of the experiment's runs; those that have no directory yet are shown as not started. */
  readonly planned?: readonly RunConfig[];
  /** What the experiment was read from: a report of the same name from elsewhere is not replaced. */
  readonly source?: string;
}

/**
 * Writes the report of an experiment into a directory, which is made if need be. The same runs give the same files.
 * @param runs a directory with run directories below it, or the runs themselves.
 * @throws CheckpointError if a run cannot be read, InvalidConfigError if there is no run, or the directory holds a report of
 *   something else.
 */
export async function writeReport(
  runs: string | readonly RunRecord[],
  outDirectory: string,
  { title, description: words, figure, planned = [], source }: ReportOptions = {},
): Promise<ReportPaths> {
  const records = typeof runs === 'string' ? await loadRuns(runs) : runs;
  const entries = groupEntries(records, planned);
  if (entries.length === 0) {
    const where = typeof runs === 'string' ? runs : 'report';
    throw new InvalidConfigError(`${where}: expected runs to report on, got none. Run \`mixerzoo run\` first.`);
  }
  const configs = entries.flatMap((entry) => entry.runs.map(({ config }) => config));
  const distinct = (texts: readonly string[]) => [...new Set(texts)];
  const own = headingOf(configs);
  const [heading, description] = [title ?? own.title, words ?? own.description];
  const positions = positionsCsv(entries);
  const paths = {
    page: join(outDirectory, 'report.html'),
    markdown: join(outDirectory, 'table.md'),
    table: join(outDirectory, 'table.csv'),
    runs: join(outDirectory, 'runs.csv'),
    curves: join(outDirectory, 'curves.csv'),
    lengths: join(outDirectory, 'lengths.csv'),
    ...(positions !== undefined && { positions: join(outDirectory, 'positions.csv') }),
  };
  const names = distinct(configs.map(({ experiment }) => experiment));
  await assertOwnReport(outDirectory, { experiments: names, source });
  const { reportPage } = await import('./page.js'); // with it come the charts: not for commands that draw none
  await mkdir(outDirectory, { recursive: true });
  const summary: ReportSummary = {
    title: heading,
    description,
    experiments: names,
    source: source ?? (await readSummary(outDirectory))?.source ?? null,
    models: distinct(configs.map(({ label }) => label)),
    tasks: distinct(configs.map(({ task }) => task.name)),
    runs: entries.reduce((sum, entry) => sum + calledFor(entry), 0),
    finished: configs.length - entries.reduce((open, entry) => open + entry.open.length, 0),
    lastFinishedAt: lastOf(records.flatMap(({ result }) => result?.finishedAt ?? [])),
    claims: figure?.claims.map(({ claim, status }) => ({ claim, status })) ?? [],
  };
  await Promise.all([
    replaceJson(join(outDirectory, 'report.json'), summary),
    replaceFile(paths.page, await reportPage(heading, description, entries, figure)),
    replaceFile(
      paths.markdown,
      `# ${escapeMarkdown(heading)}\n\n${escapeMarkdown(description)}\n\n${markdownTable(entries)}`,
    ),
    replaceFile(paths.table, tableCsv(entries)),
    replaceFile(paths.curves, curvesCsv(entries)),
    replaceFile(paths.runs, runsCsv(entries)),
    replaceFile(paths.lengths, lengthsCsv(entries)),
    ...(paths.positions === undefined ? [] : [replaceFile(paths.positions, positions!)]),
    ...(entries.some(hasSlices) ? [replaceFile(join(outDirectory, 'slices.csv'), slicesCsv(entries))] : []),
  ]);
  return paths;
}

/**
 * The final table for a terminal, with the runs that have no result listed below it.
 * @param options `width`: columns of the terminal; the least important columns are left out until the table fits.
 */
export function formatTable(
  runs: readonly RunRecord[],
  { width, planned }: { readonly width?: number; readonly planned?: readonly RunConfig[] } = {},
): string {
  return terminalTable(groupEntries(runs, planned), width);
}

const lastOf = (times: readonly string[]) => [...times].sort().at(-1) ?? null;
