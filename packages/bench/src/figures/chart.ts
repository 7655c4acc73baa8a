/**
 * A figure as one SVG, laid out as in the paper: a row of panels for each task or depth, a panel for each width, a line
 * for each model, the legend above. The panels are vega-lite charts in the looks of the report, whose style sheet can
 * recolour them.
 */
import { max, min } from 'simple-statistics';
import { scale } from 'vega';
import type { TopLevelSpec } from 'vega-lite';
import {
  accuracyAxis,
  CHART_INK,
  type ChartSize,
  chart,
  looks,
  pointLayer,
  type Row,
  renderSvg,
} from '../report/chart-parts.js';
import { trainLengthMark } from '../report/charts.js';
import {
  formatCount,
  formatEstimate,
  formatPercent,
  formatPerplexity,
  formatPerplexityEstimate,
  plural,
} from '../report/format.js';
import { type SeriesStyle, seriesStyle } from '../report/series-style.js';
import type { FigurePoint, Measured, TrainedFigure } from './figure.js';
import { drawLegend, placed, wholeSvg } from './legend.js';
import { matrixHeight, matrixSpec } from './matrix-chart.js';
import { alongWidths, drawnOf } from './points.js';

/** The models of a figure in the order of its legend, with their looks. */
export function figureSeries(figure: TrainedFigure): { readonly label: string; readonly style: SeriesStyle }[] {
  const labels = [...new Set(figure.rows.flatMap(({ models }) => models))];
  return labels.map((label, index) => ({ label, style: seriesStyle(index) }));
}

/** Sizes of panels. */
export interface Layout {
  readonly panelWidth: number;
  /** Of a panel with no other beside it; default: as all. */
  readonly loneWidth?: number;
  readonly panelHeight: number;
  /** Panels side by side at most; undefined: as many as a row has. */
  readonly columns?: number;
}

export const WIDE: Layout = { panelWidth: 300, loneWidth: 560, panelHeight: 250 };
/** One below the other, for a phone. */
export const NARROW: Layout = { panelWidth: 330, panelHeight: 250, columns: 1 };

/** Draws a figure; undefined if nothing was measured, or a table shows it. */
export async function drawFigure(
  figure: TrainedFigure,
  points: readonly FigurePoint[],
  { columns, ...sizes }: Layout,
): Promise<string | undefined> {
  if (figure.x === 'setting' || !points.some(({ measured }) => measured)) return undefined;
  const rows = figure.rows.map(({ title }) => {
    const ofRow = points.filter(({ row }) => row === title);
    const values = [...new Set(ofRow.map(({ column }) => column))].sort((a, b) => a - b);
    return values.map((value) => ({
      title: panelTitle(figure, title, value),
      points: ofRow.filter(({ column }) => column === value),
    }));
  });
  const across = columns ?? Math.max(...rows.map((panels) => panels.length));
  const panelWidth = across === 1 ? (sizes.loneWidth ?? sizes.panelWidth) : sizes.panelWidth;
  const width = Math.max(across * panelWidth, 330);
  const legend = isMatrix(figure)
    ? { svg: '', height: 0 }
    : drawLegend(
        figureSeries(figure).map((one) => ({ ...one, kind: 'marked' })),
        width,
      );
  const parts: string[] = [legend.svg];
  let y = legend.height;
  for (const panels of rows) {
    const panelHeight = isMatrix(figure)
      ? Math.max(...panels.map((panel) => matrixHeight(panel.points)))
      : sizes.panelHeight;
    for (const [index, panel] of panels.entries()) {
      const svg = await renderSvg(
        panelSpec(figure, panel.title, panel.points, { width: panelWidth - 12, height: panelHeight - 8 }),
      );
      parts.push(placed(svg, (index % across) * panelWidth + 4, y + Math.floor(index / across) * panelHeight));
    }
    y += Math.ceil(panels.length / across) * panelHeight;
  }
  return wholeSvg(width, y, parts);
}

/** True of an axis with places in an order, which lines go along. */
const isLined = (x: TrainedFigure['x']): x is keyof typeof X_TITLES => x in X_TITLES;

const isMatrix = ({ x }: TrainedFigure) => x === 'variant';

function panelTitle(figure: TrainedFigure, row: string, column: number): string {
  const value = alongWidths(figure) ? `tested at length ${column}` : `d = ${column}`;
  return `${row}, ${value}`;
}

const X_TITLES = {
  trainLength: 'sequence length (tokens)',
  testLength: 'test length (tokens)',
  stateSize: 'state (numbers per sequence)',
  width: 'width d',
  learningRate: 'learning rate',
} as const satisfies Record<Exclude<TrainedFigure['x'], 'variant' | 'setting'>, string>;

function panelSpec(
  figure: TrainedFigure,
  title: string,
  points: readonly FigurePoint[],
  size: ChartSize,
): TopLevelSpec {
  const heading = { text: title, fontSize: 13, fontWeight: 'bold', color: CHART_INK.text, anchor: 'middle', offset: 8 };
  const spec = isLined(figure.x) ? lineSpec(figure, figure.x, points, size) : matrixSpec(points, size);
  return { ...spec, title: heading } as TopLevelSpec;
}

function lineSpec(
  figure: TrainedFigure,
  axis: keyof typeof X_TITLES,
  points: readonly FigurePoint[],
  size: ChartSize,
): TopLevelSpec {
  const series = figureSeries(figure);
  const isRate = figure.x === 'learningRate';
  const values: Row[] = points.flatMap(({ model, x, dModel, testLength, measured }) =>
    measured
      ? [
          {
            series: series.findIndex(({ label }) => label === model),
            x,
            y: drawnOf(figure, measured),
            low: measured.mean.low ?? drawnOf(figure, measured),
            high: measured.mean.high ?? drawnOf(figure, measured),
            said: `${model}, d = ${dModel}, length ${testLength}${isRate ? `, learning rate ${x}` : ''}: ${sayMeasured(figure, measured)}, state ${formatCount(measured.stateSize)}`,
          },
        ]
      : [],
  );
  const places = [...new Set(points.map(({ x }) => x).filter(Number.isFinite))].sort((a, b) => a - b);
  const base = isRate || figure.x === 'stateSize' ? 10 : 2;
  const x = {
    field: 'x',
    type: 'quantitative',
    title: X_TITLES[axis],
    scale: { type: 'log', base, nice: false, domain: [places[0], places.at(-1)], padding: 14 },
    axis: {
      ...(figure.x === 'stateSize' ? { tickCount: 4, format: '~s' } : { values: places, format: isRate ? '~g' : 'd' }),
      grid: false,
      labelOverlap: 'greedy',
      labelFlush: false,
    },
  };
  const y = figure.y === 'perplexity' ? perplexityAxis(values) : accuracyAxis;
  const predicted = predictedRows(figure, points, places);
  const trained = figure.x === 'testLength' ? [...new Set(points.map(({ trainLength }) => trainLength))] : [];
  return chart(size, values, [
    ...trained.flatMap((length) => trainLengthMark(length, places, x).slice(0, 1)), // the line without its words
    {
      ...(predicted && { data: { values: predicted } }), // in place of a line through what was measured
      mark: { type: 'line', strokeWidth: 2 },
      encoding: { x, y, ...looks(series), detail: { field: 'series' }, order: { field: 'x' } },
    },
    {
      mark: { type: 'rule', strokeWidth: 1.3 },
      encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color: looks(series).color },
    },
    pointLayer(series, x, y, 60),
  ]);
}

function sayMeasured({ y }: TrainedFigure, measured: Measured): string {
  const { best, mean } = measured;
  if (y !== 'perplexity') return `best run ${formatPercent(best)}, mean ${formatEstimate(mean)}`;
  const runs = plural(measured.runs, 'run');
  return `perplexity ${formatPerplexityEstimate(mean)} of ${runs}, of the best ${formatPerplexity(best)}`;
}

/** Logarithmic, since perplexities differ by factors; values of the axis as d3 chooses them. */
function perplexityAxis(rows: readonly Row[]) {
  const ends = (key: 'low' | 'high') => rows.map((row) => row[key] as number).filter(Number.isFinite);
  const domain = [min(ends('low')) / 1.03, max(ends('high')) * 1.03] as [number, number];
  const ticks = scale('log')().domain(domain).ticks(5) as number[];
  const values = ticks.length <= 8 ? ticks : ticks.filter((value) => '125'.includes(value.toExponential()[0]!));
  return {
    field: 'y',
    type: 'quantitative',
    title: null,
    scale: { type: 'log', domain, nice: false },
    axis: { values, labelOverlap: 'greedy', labelExpr: 'datum.value' },
  };
}

/** Steps of a line between two places of the axis. */
const STEPS = 12;

/** What a theory says along the widths of a panel; undefined without one. */
function predictedRows(
  figure: TrainedFigure,
  points: readonly FigurePoint[],
  places: readonly number[],
): Row[] | undefined {
  const { predicted } = figure;
  if (!predicted) return undefined;
  const widths = places.flatMap((from, index) => {
    const to = places[index + 1];
    return to === undefined ? [from] : Array.from({ length: STEPS }, (_, i) => from * (to / from) ** (i / STEPS));
  });
  return figureSeries(figure).flatMap(({ label: model }, series) => {
    const [point] = points.filter((one) => one.model === model);
    if (!point) return [];
    return widths.map((dModel) => {
      return { series, x: dModel, y: predicted({ model, dModel, testLength: point.testLength }) };
    });
  });
}
