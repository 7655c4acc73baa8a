/**
 * The files of a figure, in a directory of its own: `<id>.svg`, `<id>.png` (where the machine has fonts), `<id>.csv`
 * with a line per point, `claims.json`, and the report of the runs with the figure and the claims on top.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Registered } from '../plugins.js';
import { groupEntries } from '../report/entries.js';
import { toCsv } from '../report/table.js';
import { type ReportPaths, writeReport } from '../report/write-report.js';
import { replaceFile, replaceJson } from '../runs/replace-file.js';
import type { RunConfig, RunRecord } from '../runs/results.js';
import { judge } from './claims.js';
import type { Figure, FigurePoint, JudgedClaim } from './figure.js';
import { figurePoints } from './points.js';
import type { Scale } from './scales.js';

/** What was written. */
export interface WrittenFigure {
  readonly paths: ReportPaths & {
    readonly svg?: string;
    readonly png?: string;
    readonly csv: string;
    readonly claims: string;
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
 */
export async function writeFigure(
  registered: Registered<Figure>,
  scale: Scale,
  runs: readonly RunRecord[],
  planned: readonly RunConfig[],
  directory: string,
): Promise<WrittenFigure> {
  const { part: figure } = registered;
  const { drawFigure, figureSeries, NARROW, WIDE } = await import('./chart.js');
  const { renderPng } = await import('./png.js');
  const points = figurePoints(figure, scale, groupEntries(runs, planned));
  const claims = judge(figure.claims, points);
  const measured = points.filter((point) => point.measured).length;
  const [wide, narrow] = await Promise.all([drawFigure(figure, points, WIDE), drawFigure(figure, points, NARROW)]);
  const png = wide && renderPng(wide);
  const path = (suffix: string) => join(directory, `${figure.id}.${suffix}`);
  await mkdir(directory, { recursive: true });
  const written = { csv: path('csv'), claims: join(directory, 'claims.json') };
  await replaceFile(written.csv, pointsCsv(points));
  await replaceJson(written.claims, { figure: figure.id, scale, points: points.length, measured, claims });
  if (wide)
    await replaceFile(
      path('svg'),
      `${wide.replace(/(<svg [^>]*>)/, '$1<rect width="100%" height="100%" fill="#ffffff"/>')}\n`,
    );
  if (png) await replaceFile(path('png'), png);
  const files = [
    `${figure.id}.csv`,
    ...(wide ? [`${figure.id}.svg`] : []),
    ...(png ? [`${figure.id}.png`] : []),
    'claims.json',
  ];
  const paths = await writeReport(runs, directory, {
    title: `${figure.title} (${figure.id}, ${scale} scale)`,
    description: [...new Set(planned.map(({ description }) => description))].join(' '),
    planned,
    source: figureSource(registered, scale),
    figure: {
      id: figure.id,
      caption: figure.caption,
      labels: figureSeries(figure).map(({ label }) => label),
      wide,
      narrow,
      claims,
      files,
      notes: measured === points.length ? [] : [`${points.length - measured} of ${points.length} points are missing.`],
    },
  });
  return {
    paths: { ...paths, ...written, ...(wide ? { svg: path('svg') } : {}), ...(png ? { png: path('png') } : {}) },
    claims,
    measured,
    points: points.length,
  };
}

/** A line for every point, measured or not. */
function pointsCsv(points: readonly FigurePoint[]): string {
  const rows = points.map(({ measured, row, model, dModel, trainLength, testLength }) => ({
    row,
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
    learningRate: measured?.learningRate,
    steps: measured?.steps,
    stateSize: measured?.stateSize,
    stepMs: measured?.stepMs,
    prefillMs: measured?.prefillMs,
    tokenMs: measured?.tokenMs,
    peakMemoryBytes: measured?.peakMemoryBytes,
  }));
  return toCsv(rows);
}
