/**
 * The charts of a report: vega-lite specifications and their rendering to SVG.
 *
 * SVG made ahead keeps the page small, works without scripts and prints. Colours are written as they are on white; the
 * page's style sheet gives the same elements other colours on dark (`[stroke="#0067a5"] { … }`), so that one drawing
 * serves both. A mark that can be pointed at carries its words as `aria-label`.
 */
import { max, mean } from 'simple-statistics';
import type { TopLevelSpec } from 'vega-lite';
import type { RunRecord } from '../runs/results.js';
import { measureOf } from '../runs/run-config.js';
import { MOST_CURVES } from './bounds.js';
import {
  accuracyAxis,
  CHART_INK,
  type ChartSize,
  chart,
  freeLossAxis,
  looks,
  lossAxis,
  perplexityAxis,
  pointLayer,
  type Row,
} from './chart-parts.js';
import type { Entry } from './entries.js';
import { formatCount, formatPercent } from './format.js';
import { LENGTH_SCORES, measureOfEntries, SCORES, tokensPerStep } from './score.js';
import { type SeriesStyle, seriesStyle } from './series-style.js';

/** An entry with its looks. */
export interface Series {
  readonly entry: Entry;
  readonly style: SeriesStyle;
}

/** Points of a curve beyond which neighbours are averaged. */
const MAX_POINTS = 100;
/** Validation marks of a curve beyond which some are left out. */
const MAX_MARKS = 12;

/**
 * Test accuracy, or by likelihood perplexity, against length with 95 % intervals, the training length marked. Undefined with
 * fewer than two lengths.
 */
export function lengthChart(series: readonly Series[], size: ChartSize): TopLevelSpec | undefined {
  const measure = measureOfEntries(series.map(({ entry }) => entry));
  const score = LENGTH_SCORES[measure];
  const rows: Row[] = series.flatMap(({ entry }, index) =>
    (entry.outcome?.lengths ?? []).map((length) => {
      const { seqLen } = length;
      const estimate = score.of(length);
      return {
        series: index,
        x: seqLen,
        y: estimate.value,
        low: estimate.low ?? estimate.value,
        high: estimate.high ?? estimate.value,
        said: `${entry.label} at length ${seqLen}: ${score.formatEstimate(estimate)}`,
      };
    }),
  );
  const lengths = [...new Set(rows.map(({ x }) => x as number))].sort((a, b) => a - b);
  if (lengths.length < 2) return undefined;
  const trained = [...new Set(series.map(({ entry }) => entry.trainLength))];
  const x = {
    field: 'x',
    type: 'quantitative',
    title: 'test length (tokens)',
    scale: { type: 'log', base: 2, nice: false, domain: [lengths[0], lengths.at(-1)], padding: 16 },
    axis: { values: lengths, format: 'd', grid: false, labelOverlap: 'greedy', labelFlush: false },
  };
  const y = measure === 'likelihood' ? perplexityAxis : accuracyAxis;
  return chart(size, rows, [
    ...trained.flatMap((length) => trainLengthMark(length, lengths, x)),
    { mark: { type: 'line', strokeWidth: 2.2 }, encoding: { x, y, ...looks(series), detail: { field: 'series' } } },
    {
      mark: { type: 'rule', strokeWidth: 1.4 },
      encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color: looks(series).color },
    },
    pointLayer(series, x, y, 75),
  ]);
}

export function trainLengthMark(length: number, lengths: readonly number[], x: object): object[] {
  const data = { values: [{}] };
  const at = { ...x, field: undefined, datum: length };
  const align = length === lengths[0] ? 'left' : length === lengths.at(-1) ? 'right' : 'center';
  return [
    { data, mark: { type: 'rule', stroke: CHART_INK.text, strokeDash: [3, 3], strokeWidth: 1 }, encoding: { x: at } },
    {
      data,
      mark: { type: 'text', text: `trained at ${length}`, y: -14, align, color: CHART_INK.text, fontSize: 12 },
      encoding: { x: at },
    },
  ];
}

/** What accuracy, or loss, is plotted against. */
export type CostAxis = 'stateSize' | 'seconds' | 'stepMs' | 'tokenMs';

const COST_TITLES = {
  stateSize: 'state at the training length (numbers per sequence)',
  seconds: 'seconds of training',
  stepMs: 'milliseconds per training step',
  tokenMs: 'milliseconds per generated token',
} as const;

/**
 * Accuracy, or by likelihood loss, at the training length against what a model costs, a mark for each entry that is so judged.
 * Undefined with fewer than two.
 */
export function costChart(cost: CostAxis, series: readonly Series[], size: ChartSize): TopLevelSpec | undefined {
  const measure = measureOfEntries(series.map(({ entry }) => entry));
  const score = SCORES[measure];
  const rows = series.flatMap(({ entry }, index): Row[] => {
    if (!entry.outcome || entry.measure !== measure) return [];
    const { trainSeconds } = entry.outcome;
    const { value, low, high } = score.of(entry.outcome);
    const x = cost === 'seconds' ? trainSeconds : entry.outcome[cost];
    if (!(x > 0)) return [];
    const name = [entry.label, entry.setting].filter(Boolean).join(', ');
    const said = `${name}: ${score.format(value)}, ${x.toPrecision(3)} ${COST_TITLES[cost]}`;
    return [{ series: index, x, y: value, low: low ?? value, high: high ?? value, said }];
  });
  if (rows.length < 2) return undefined;
  const x = {
    field: 'x',
    type: 'quantitative',
    title: COST_TITLES[cost],
    scale: { type: 'log', nice: false, padding: 16 },
    // SI prefixes for counts alone: `400m milliseconds` would be read as minutes.
    axis: {
      grid: false,
      tickCount: 5,
      format: cost === 'stateSize' ? '~s' : '~r',
      labelOverlap: 'greedy',
      labelFlush: false,
    },
  };
  if (measure === 'accuracy') return chart(size, rows, [pointLayer(series, x, accuracyAxis, 75)]);
  // An axis that does not begin at zero magnifies what is no difference: intervals tell.
  const interval = {
    mark: { type: 'rule', strokeWidth: 1.4 },
    encoding: { x, y: { ...freeLossAxis, field: 'low' }, y2: { field: 'high' }, color: looks(series).color },
  };
  return chart(size, rows, [interval, pointLayer(series, x, freeLossAxis, 75)]);
}

/** What a curve shows. */
export type Curve = 'accuracy' | 'loss';

/**
 * Accuracy or loss against optimizer steps, by likelihood against tokens, a line for every run at the selected learning rate (of an entry without a
 * finished run: every run), of many runs the first seeds: training batches as lines, validation as marks. Undefined when nothing was recorded.
 */
export function curveChart(curve: Curve, series: readonly Series[], size: ChartSize): TopLevelSpec | undefined {
  const each = runsDrawn(series.length);
  const rows: Row[] = series.flatMap(({ entry }, index) =>
    shownRuns(entry, each).flatMap((run, number) =>
      curveRows(curve, entry, run).map((row) => ({ ...row, series: index, run: number })),
    ),
  );
  const finite = rows.filter(({ y }) => Number.isFinite(y));
  if (finite.length === 0) return undefined;
  const several = series.some(({ entry }) => shownRuns(entry, each).length > 1);
  const likelihood = measureOfEntries(series.map(({ entry }) => entry)) === 'likelihood';
  const x = {
    field: 'x',
    type: 'quantitative',
    title: likelihood ? 'training tokens' : 'training step',
    scale: { domainMin: 0, nice: false },
    axis: {
      grid: false,
      tickCount: Math.min(8, Math.floor(size.width / 70)),
      format: likelihood ? '~s' : ',d',
      labelFlush: false,
    },
  };
  const top = max(finite.map(({ y }) => y as number));
  const y = curve === 'accuracy' ? accuracyAxis : likelihood ? freeLossAxis : lossAxis(top);
  return chart(size, finite, [
    {
      transform: [{ filter: "datum.split === 'train'" }],
      mark: { type: 'line', strokeWidth: 1.8, opacity: several ? 0.6 : 0.9, strokeJoin: 'round' },
      encoding: { x, y, ...looks(series), detail: [{ field: 'run' }, { field: 'series' }] },
    },
    { transform: [{ filter: "datum.split === 'validation'" }], ...pointLayer(series, x, y, 52) },
  ]);
}

/**
 * Validation accuracy, or by likelihood loss, against optimizer steps, a line for each of several runs, named by learning rate and seed.
 * Undefined with fewer than two runs that have an epoch behind them.
 */
export function runChart(runs: readonly RunRecord[], size: ChartSize): TopLevelSpec | undefined {
  const begun = runs.map(({ config, epochs }) => ({ config, epochs })).filter(({ epochs }) => epochs.length > 0);
  if (begun.length < 2) return undefined;
  const series = begun.map((_, index) => ({ style: seriesStyle(index) }));
  const measure = measureOf(begun[0]!.config);
  const score = SCORES[measure];
  const names = begun.map(({ config }) => `rate ${config.learningRate}, seed ${config.seed}`);
  const rows = begun.flatMap(({ epochs }, index) =>
    epochs.map((epoch) => ({
      series: index,
      name: names[index]!,
      x: epoch.step,
      y: score.ofEpoch(epoch),
      said: `${names[index]} after ${formatCount(epoch.step)} steps: ${score.format(score.ofEpoch(epoch))}`,
    })),
  );
  const x = {
    field: 'x',
    type: 'quantitative',
    title: 'training step',
    scale: { domainMin: 0, nice: false },
    axis: { grid: false },
  };
  const { color, strokeDash } = looks(series);
  const legend = { title: null, labelColor: CHART_INK.text, symbolType: 'stroke', orient: 'right' };
  const named = (channel: typeof color | typeof strokeDash) => ({
    field: 'name',
    type: 'nominal',
    legend,
    scale: { domain: names, range: channel.scale.range },
  });
  return chart(size, rows, [
    {
      mark: { type: 'line', strokeWidth: 1.8, strokeJoin: 'round' },
      encoding: {
        x,
        y: measure === 'likelihood' ? freeLossAxis : accuracyAxis,
        color: named(color),
        strokeDash: named(strokeDash),
      },
    },
  ]);
}

/** The runs, at most so many, whose curves stand for an entry. */
function shownRuns(entry: Entry, most: number): readonly RunRecord[] {
  if (entry.outcome) return entry.outcome.selected.slice(0, most);
  return entry.runs.filter((run) => run.directory !== '' && run.steps.length + run.epochs.length > 0).slice(0, most);
}

/** Runs of an entry that are drawn in a chart of so many. */
export const runsDrawn = (entries: number) => Math.max(1, Math.floor(MOST_CURVES / entries));

function curveRows(curve: Curve, entry: Entry, run: RunRecord): Row[] {
  const likelihood = entry.measure === 'likelihood';
  const xOf = ({ step }: { readonly step: number }) => (likelihood ? step * tokensPerStep(run.config) : step);
  const { steps, epochs } = run;
  const recorded = steps.filter((record) => Number.isFinite(record[curve]));
  const train = averageNeighbours(recorded.map((record) => ({ x: xOf(record), y: record[curve] })));
  const validation = thin(epochs, MAX_MARKS).map((record) => {
    const value = curve === 'accuracy' ? record.validationAccuracy : record.validationLoss;
    const shown = curve === 'accuracy' ? formatPercent(value) : formatLoss(value);
    const seed = entry.runs.length > 1 ? `, seed ${run.config.seed}` : '';
    const spent = likelihood ? `${formatCount(xOf(record))} tokens` : `${formatCount(record.step)} steps`;
    return {
      x: xOf(record),
      y: value,
      split: 'validation',
      said: `${entry.label}${seed} after ${spent}: ${shown} (validation)`,
    };
  });
  return [...train.map((point) => ({ ...point, split: 'train' })), ...validation];
}

const formatLoss = (loss: number) => (Number.isFinite(loss) ? `loss ${loss.toPrecision(3)}` : 'no finite loss');

/** Means of runs of neighbouring points, at the last x of each: at most {@link MAX_POINTS}. */
function averageNeighbours(points: readonly { x: number; y: number }[]): { x: number; y: number }[] {
  const group = Math.ceil(points.length / MAX_POINTS);
  if (group <= 1) return [...points];
  return Array.from({ length: Math.ceil(points.length / group) }, (_, index) => {
    const part = points.slice(index * group, (index + 1) * group);
    return { x: part.at(-1)!.x, y: mean(part.map(({ y }) => y)) };
  });
}

/** Every n-th item, counted from the last, so that about `count` remain. */
function thin<T>(items: readonly T[], count: number): T[] {
  const every = Math.ceil(items.length / count);
  return items.filter((_, index) => (items.length - 1 - index) % every === 0);
}
