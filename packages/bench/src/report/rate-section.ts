/** Validation accuracy, or loss, against the learning rate: every run of every rate, and the median over seeds. */
import { max, median, min } from 'simple-statistics';
import type { TopLevelSpec } from 'vega-lite';
import { hasDiverged, isDone } from '../runs/results.js';
import { MOST_MARKS } from './bounds.js';
import {
  accuracyAxis,
  CHART_INK,
  type ChartSize,
  chart,
  freeLossAxis,
  looks,
  pointLayer,
  type Row,
} from './chart-parts.js';
import type { Series } from './charts.js';
import { bothWidths, legend, type NumberedSeries } from './drawing.js';
import type { Entry } from './entries.js';
import { listWords } from './format.js';
import { type Html, html } from './html.js';
import { measureOfEntries, SCORES } from './score.js';
import { OPEN_WORDS } from './table.js';

/** A run as a mark. */
interface RunPoint {
  readonly rate: number;
  /** Its score at the last epoch done; undefined where it diverged. */
  readonly score: number | undefined;
  readonly kind: 'finished' | 'open' | 'diverged';
  readonly said: string;
}

/** Models beside each other at one rate are set apart by at most this share of the way to the next, and as many decades. */
const APART = { share: 0.4, decades: 0.06 } as const;
/** As tall as a mark of a series, which fills it. */
const DIVERGED = 'M-0.9,-0.9L0.9,0.9M0.9,-0.9L-0.9,0.9';

/** `of`: `: d 64`, where there are several settings. Empty where there is one rate. */
export async function rateSection(series: readonly NumberedSeries[], of: string): Promise<Html> {
  const drawn = series.filter(({ entry }) => pointsOf(entry).length > 0);
  const entries = drawn.map(({ entry }) => entry);
  const points = pointsOfAll(entries);
  const { word, title } = SCORES[measureOfEntries(entries)];
  const figure = await bothWidths(
    (size) => rateChart(drawn, size),
    { width: 900, height: 320 },
    `Validation ${word} against learning rate. ${describe(entries, points)}. Every epoch of every run is in curves.csv.`,
  );
  if (!figure) return html``;
  const kinds = new Set(points.flat().map(({ kind }) => kind));
  const isWhole = points.flat().length === entries.flatMap(pointsOf).length;
  return html`<section data-charts><h2>${title} against learning rate${of}</h2>
<p class="note">Validation ${word} after the last epoch of each run, ${isWhole ? 'a mark for every rate and seed; lines: the median of the seeds' : 'medians of the seeds: the runs are too many for a mark each, and are in runs.csv'}. Models at one rate are set side by side.${
    kinds.has('open') ? ' Hollow marks: runs that were not trained to the end.' : ''
  }${kinds.has('diverged') ? ' Crosses: runs whose losses were no numbers any more.' : ''}</p>
${legend(drawn)}
${figure}</section>`;
}

/** Undefined with fewer than two rates, or nothing but diverged runs. */
export function rateChart(series: readonly Series[], size: ChartSize): TopLevelSpec | undefined {
  const measure = measureOfEntries(series.map(({ entry }) => entry));
  const points = pointsOfAll(series.map(({ entry }) => entry));
  const rates = distinct(points.flat().map(({ rate }) => rate));
  const scores = points.flat().flatMap(({ score }) => score ?? []);
  if (rates.length < 2 || scores.length === 0) return undefined;
  const worst = measure === 'accuracy' ? 0 : max(scores) + 0.05 * (max(scores) - min(scores));
  const apart = setApart(rates, series.length);
  const rows = points.flatMap((ofSeries, index): Row[] =>
    ofSeries.map(({ rate, score = worst, kind, said }) => {
      return { series: index, x: apart(rate, index), y: score, kind, said };
    }),
  );
  const medians = points.flatMap((ofSeries, index): Row[] =>
    distinct(ofSeries.map(({ rate }) => rate)).map((rate) => {
      const seeds = ofSeries.filter((point) => point.rate === rate);
      return {
        series: index,
        x: apart(rate, index),
        y: median(seeds.map(({ score = worst }) => score)),
        kind: 'median',
      };
    }),
  );
  const x = {
    field: 'x',
    type: 'quantitative',
    title: 'learning rate',
    scale: { type: 'log', nice: false, padding: 24 },
    axis: { values: rates, format: '~g', grid: false, labelOverlap: 'greedy', labelFlush: false },
  };
  const y = measure === 'accuracy' ? accuracyAxis : freeLossAxis;
  const { color, strokeDash } = looks(series);
  const kind = (name: string) => ({ transform: [{ filter: `datum.kind === '${name}'` }] });
  const finished = pointLayer(series, x, y, 64) as { encoding: { fill: object; shape: object } };
  const { fill, ...outline } = finished.encoding;
  const mark = { type: 'point', size: 64, strokeWidth: 1.6, opacity: 1, aria: true };
  return chart(
    size,
    [...medians, ...rows],
    [
      {
        ...kind('median'),
        mark: { type: 'line', strokeWidth: 1.8, strokeJoin: 'round' },
        encoding: { x, y, color, strokeDash, detail: { field: 'series' } },
      },
      { ...kind('finished'), ...finished },
      {
        ...kind('open'),
        mark: { ...mark, fill: CHART_INK.surface },
        encoding: { ...outline, stroke: fill },
      },
      {
        ...kind('diverged'),
        mark,
        encoding: { ...outline, shape: { value: DIVERGED }, stroke: fill },
      },
    ],
  );
}

/** Marks of entries: of every run, or where these are too many the median of each rate. */
function pointsOfAll(entries: readonly Entry[]): RunPoint[][] {
  const all = entries.map(pointsOf);
  if (all.flat().length <= MOST_MARKS) return all;
  return all.map((points, index) =>
    distinct(points.map(({ rate }) => rate)).map((rate) =>
      medianOf(
        entries[index]!,
        points.filter((point) => point.rate === rate),
      ),
    ),
  );
}

/** The median of the seeds of a rate; diverged where most of them have. */
function medianOf({ label, measure }: Entry, seeds: readonly RunPoint[]): RunPoint {
  const { rate } = seeds[0]!;
  const scores = seeds.flatMap(({ score }) => score ?? []);
  const name = `${label}, learning rate ${rate}, ${seeds.length} seeds`;
  if (2 * scores.length < seeds.length)
    return { rate, score: undefined, kind: 'diverged', said: `${name}: most diverged` };
  const kind = seeds.some((seed) => seed.kind === 'open') ? 'open' : 'finished';
  return { rate, score: median(scores), kind, said: `${name}: median ${SCORES[measure].format(median(scores))}` };
}

/** The runs of an entry that an epoch, or divergence, says something of. */
function pointsOf(entry: Entry): RunPoint[] {
  const score = SCORES[entry.measure];
  return entry.runs.flatMap((run): RunPoint[] => {
    const { learningRate: rate, seed } = run.config;
    const name = `${entry.label}, learning rate ${rate}, seed ${seed}`;
    if (hasDiverged(run)) return [{ rate, score: undefined, kind: 'diverged', said: `${name}: diverged` }];
    if (isDone(run)) {
      const value = score.ofEvaluation(run.result.validation);
      return [{ rate, score: value, kind: 'finished', said: `${name}: ${score.format(value)}` }];
    }
    const last = run.directory === '' ? undefined : run.epochs.at(-1);
    if (!last) return [];
    const value = score.ofEpoch(last);
    const open = entry.open.find(({ config }) => config === run.config);
    const status = open ? ` (${OPEN_WORDS[open.status]}, ${last.epoch} of ${run.config.train.epochs} epochs)` : '';
    return [{ rate, score: value, kind: open ? 'open' : 'finished', said: `${name}: ${score.format(value)}${status}` }];
  });
}

/** Where a model stands beside the others at a rate. */
function setApart(rates: readonly number[], models: number): (rate: number, model: number) => number {
  const logs = rates.map(Math.log10);
  const closest = min(logs.slice(1).map((log, index) => log - logs[index]!));
  const step = Math.min((closest * APART.share) / models, APART.decades);
  return (rate, model) => rate * 10 ** (step * (model - (models - 1) / 2));
}

function describe(entries: readonly Entry[], points: readonly RunPoint[][]): string {
  const { format } = SCORES[measureOfEntries(entries)];
  const lines = entries.map((entry, index) => {
    const ofEntry = points[index]!;
    const said = distinct(ofEntry.map(({ rate }) => rate)).map((rate) => {
      const scores = ofEntry.filter((point) => point.rate === rate).map(({ score }) => score);
      return `${listWords(scores.map((score) => (score === undefined ? 'diverged' : format(score))))} at ${rate}`;
    });
    return `${entry.label}: ${said.join(', ')}`;
  });
  return lines.join('. ');
}

/** Ascending, each once. */
function distinct(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
