/**
 * The files of a figure, in a directory of its own: `<id>.svg`, `<id>.png` (where the machine has fonts), `<id>.csv`
 * with a line per point, `<id>.md`, `claims.json`, and a page with the figure and the claims: where runs made it, on top of their report.
 */
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Registered } from '../plugins.js';
import { toCsv } from '../report/csv.js';
import { type Entry, groupEntries } from '../report/entries.js';
import { writePlainReport } from '../report/plain-report.js';
import { plainTableMarkdown } from '../report/plain-table.js';
import { escapeMarkdown } from '../report/table.js';
import { type ReportPaths, writeReport } from '../report/write-report.js';
import { replaceFile, replaceJson } from '../runs/replace-file.js';
import type { RunRecord } from '../runs/results.js';
import type { RunConfig } from '../runs/run-config.js';
import { judge } from './claims.js';
import type { ComputedFigure, Figure, FigurePoint, JudgedClaim, TrainedFigure } from './figure.js';
import { captionOf, claimsMarkdown, figureMarkdown, readingOf, sayCost } from './figure-document.js';
import { onWhite } from './legend.js';
import { figurePoints } from './points.js';
import type { Scale } from './scales.js';
import { tablesOf } from './table-report.js';
import { NO_DATA, type TableData } from './table-rows.js';

/** What was written. */
export interface WrittenFigure {
  readonly paths: Partial<ReportPaths> & {
    readonly page: string;
    readonly svg?: string;
    readonly png?: string;
    readonly csv: string;
    readonly claims: string;
    /** Of a figure with a table: its rows. */
    readonly rows?: string;
    /** In Markdown, with the claims: the table, or the accuracies. */
    readonly document?: string;
  };
  readonly claims: readonly JudgedClaim[];
  /** Points measured, of how many. */
  readonly measured: number;
  readonly points: number;
}

/** What the report of a figure is of, as its `report.json` says. */
export const figureSource = ({ name, packageName }: Registered<Figure>, scale: Scale) =>
  `figure ${name}${packageName === '@mixerzoo/bench' ? '' : ` of ${packageName}`} at ${scale} scale`;

/**
 * Writes a figure from its runs. The same runs give the same files.
 * @param planned configs of all runs that the figure needs, done or not.
 * @param data what a figure with a table shows beside its runs.
 */
export async function writeFigure(
  registered: Registered<TrainedFigure>,
  scale: Scale,
  runs: readonly RunRecord[],
  planned: readonly RunConfig[],
  directory: string,
  data: TableData = NO_DATA,
): Promise<WrittenFigure> {
  const { part: figure } = registered;
  const { drawFigure, figureSeries, NARROW, WIDE } = await import('./chart.js');
  const entries = groupEntries(runs, planned);
  const points = figurePoints(figure, scale, entries);
  const claims = judge(figure.claims, points);
  const measured = points.filter((point) => point.measured ?? point.diverged).length;
  const [wide, narrow] = await Promise.all([drawFigure(figure, points, WIDE), drawFigure(figure, points, NARROW)]);
  const counts = { points: points.length, measured };
  const { paths, files } = await writeFiles(figure, directory, {
    svg: wide,
    csv: pointsCsv(figure, points),
    claims: { figure: figure.id, scale, ...counts, claims },
  });
  const seeds = Math.max(...points.map(({ measured }) => measured?.runs ?? 0));
  const settings = [...new Set(planned.map(({ description }) => description))];
  const table = figure.table && (await writeTable(figure, scale, entries, data, claims, directory));
  const document =
    table || figure.y === 'perplexity'
      ? undefined
      : figureMarkdown(figure, { title: figureTitle(figure, scale), settings, cost: sayCost(runs), points, claims });
  if (document) await replaceFile(join(directory, `${figure.id}.md`), document);
  const report = await writeReport(runs, directory, {
    title: figureTitle(figure, scale),
    description: settings.join(' '),
    planned,
    source: figureSource(registered, scale),
    figure: {
      id: figure.id,
      caption: captionOf(figure),
      reading: readingOf(figure, seeds),
      labels: figureSeries(figure).map(({ label }) => label),
      wide,
      narrow,
      claims,
      tables: table?.tables,
      files: [...files, ...(table ? table.files : []), ...(document ? [`${figure.id}.md`] : [])],
      notes: [
        ...[...new Set(points.flatMap((point) => (point.diverged ? [nameOfLine(figure, point)] : [])))].map(
          (name) => `${name} diverged: its losses were no numbers any more.`,
        ),
        ...(measured === points.length ? [] : [`${points.length - measured} of ${points.length} points are missing.`]),
      ],
    },
  });
  const further = document ? { document: join(directory, `${figure.id}.md`) } : table?.paths;
  return { paths: { ...report, ...paths, ...further }, claims, ...counts };
}

/** Computes a figure and writes it. The same scale gives the same files. */
export async function writeComputedFigure(
  registered: Registered<ComputedFigure>,
  scale: Scale,
  directory: string,
): Promise<WrittenFigure> {
  const { part: figure } = registered;
  const { coloursOf, drawPlots, NARROW_PLOTS, WIDE_PLOTS } = await import('./plot-chart.js');
  const plots = await figure.compute(scale);
  const claims = judge(figure.claims, plots);
  const [wide, narrow] = await Promise.all([drawPlots(plots, WIDE_PLOTS), drawPlots(plots, NARROW_PLOTS)]);
  const rows = plots.flatMap((plot) =>
    plot.series.flatMap(({ label, kind, points }) =>
      points.map(({ x, y, low, high }) => ({ plot: plot.title, series: label, kind, x, y, low, high })),
    ),
  );
  const counts = { points: rows.length, measured: rows.length };
  const { paths, files } = await writeFiles(figure, directory, {
    svg: wide,
    csv: toCsv(rows),
    claims: { figure: figure.id, scale, ...counts, claims },
  });
  const page = await writePlainReport(directory, {
    title: figureTitle(figure, scale),
    source: figureSource(registered, scale),
    colours: coloursOf(plots),
    figure: {
      id: figure.id,
      caption: captionOf(figure),
      reading: '',
      labels: [],
      wide,
      narrow,
      claims,
      files,
      notes: plots.map(({ title, caption }) => `${title}: ${caption}`),
    },
  });
  return { paths: { page, ...paths }, claims, ...counts };
}

/** The rows of a figure's table as JSON; in Markdown what a document says of them. */
async function writeTable(
  figure: TrainedFigure,
  scale: Scale,
  entries: readonly Entry[],
  data: TableData,
  claims: readonly JudgedClaim[],
  directory: string,
) {
  const { tables, facts } = tablesOf(figure, scale, entries, data);
  const [first, ...others] = tables;
  const paths = { rows: join(directory, `${figure.id}.json`), document: join(directory, `${figure.id}.md`) };
  await replaceJson(paths.rows, { figure: figure.id, scale, ...facts });
  await replaceFile(
    paths.document,
    [
      `# ${escapeMarkdown(figureTitle(figure, scale))}`,
      escapeMarkdown(captionOf(figure)),
      plainTableMarkdown(first),
      claimsMarkdown(claims),
      ...others.flatMap((table) => [`## ${escapeMarkdown(table.title)}`, plainTableMarkdown(table)]),
    ]
      .filter((text) => text !== '')
      .join('\n\n'),
  );
  return { tables, paths, files: Object.values(paths).map((path) => basename(path)) };
}

/** A model; where points are of learning rates, at its rate. */
const nameOfLine = (figure: TrainedFigure, { model, x }: FigurePoint) =>
  figure.x === 'learningRate' ? `${model} at learning rate ${x}` : model;

const figureTitle = ({ title, id }: Figure, scale: Scale) => `${title} (${id}, ${scale} scale)`;

/** Drawing, data and verdicts, beside which the page goes. */
async function writeFiles(
  { id }: Figure,
  directory: string,
  content: { readonly svg: string | undefined; readonly csv: string; readonly claims: object },
): Promise<{ paths: Omit<WrittenFigure['paths'], 'page'>; files: string[] }> {
  const { renderPng } = await import('./png.js');
  const { svg, csv, claims } = content;
  const png = svg && renderPng(svg);
  const path = (suffix: string) => join(directory, `${id}.${suffix}`);
  await mkdir(directory, { recursive: true });
  const paths = {
    csv: path('csv'),
    claims: join(directory, 'claims.json'),
    ...(svg ? { svg: path('svg') } : {}),
    ...(png ? { png: path('png') } : {}),
  };
  await replaceFile(paths.csv, csv);
  await replaceJson(paths.claims, claims);
  if (svg) await replaceFile(path('svg'), onWhite(svg));
  if (png) await replaceFile(path('png'), png);
  const files = [paths.csv, ...(svg ? [path('svg')] : []), ...(png ? [path('png')] : []), paths.claims];
  return { paths, files: files.map((file) => basename(file)) };
}

/** A line for every point, measured or not. */
function pointsCsv({ predicted, x, y }: TrainedFigure, points: readonly FigurePoint[]): string {
  const rows = points.map(({ measured, diverged, row, setting, model, x: at, dModel, trainLength, testLength }) => ({
    row,
    ...(x === 'setting' && { setting }),
    model,
    dModel,
    trainLength,
    testLength,
    best: measured?.best,
    mean: measured?.mean.value,
    low: measured?.mean.low,
    high: measured?.mean.high,
    freeRunning: measured?.freeRunning,
    runs: measured?.runs ?? 0,
    learningRate: measured?.learningRate ?? (x === 'learningRate' ? at : undefined),
    steps: measured?.steps,
    stateSize: measured?.stateSize,
    stepMs: measured?.stepMs,
    prefillMs: measured?.prefillMs,
    tokenMs: measured?.tokenMs,
    peakMemoryBytes: measured?.peakMemoryBytes,
    ...(predicted && { predicted: predicted({ model, dModel, testLength }) }),
    ...(y && { measure: y, status: measured ? 'measured' : diverged ? 'diverged' : 'missing' }),
  }));
  return toCsv(rows);
}
