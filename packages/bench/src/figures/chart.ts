/**
 * A figure as one SVG, laid out as in the paper: a row of panels for each task or depth, a panel for each width, a line
 * for each model, the legend above. The panels are vega-lite charts in the looks of the report, whose style sheet can
 * recolour them.
 */
import type { TopLevelSpec } from 'vega-lite';
import {
  accuracyAxis,
  CHART_INK,
  chart,
  looks,
  pointLayer,
  type Row,
  renderSvg,
  trainLengthMark,
} from '../report/charts.js';
import { formatCount, formatEstimate, formatPercent } from '../report/format.js';
import { type SeriesStyle, seriesStyle } from '../report/series-style.js';
import type { Figure, FigurePoint } from './figure.js';

/** The models of a figure in the order of its legend, with their looks. */
export function figureSeries(figure: Figure): { readonly label: string; readonly style: SeriesStyle }[] {
  const labels = [...new Set(figure.rows.flatMap(({ models }) => models))];
  return labels.map((label, index) => ({ label, style: seriesStyle(index) }));
}

export interface Layout {
  readonly panelWidth: number;
  readonly panelHeight: number;
  /** Panels side by side at most; undefined: as many as a row has. */
  readonly columns?: number;
}

export const WIDE: Layout = { panelWidth: 300, panelHeight: 250 };
/** One below the other, for a phone. */
export const NARROW: Layout = { panelWidth: 330, panelHeight: 250, columns: 1 };

/** Draws a figure; undefined if nothing was measured. */
export async function drawFigure(
  figure: Figure,
  points: readonly FigurePoint[],
  { panelWidth, panelHeight, columns }: Layout,
): Promise<string | undefined> {
  if (!points.some(({ measured }) => measured)) return undefined;
  const rows = figure.rows.map(({ title }) => {
    const ofRow = points.filter(({ row }) => row === title);
    const values = [...new Set(ofRow.map(({ column }) => column))].sort((a, b) => a - b);
    return values.map((value) => ({
      title: panelTitle(figure, title, value),
      points: ofRow.filter(({ column }) => column === value),
    }));
  });
  const across = columns ?? Math.max(...rows.map((panels) => panels.length));
  const width = Math.max(across * panelWidth, 330);
  const legend = drawLegend(figureSeries(figure), width);
  const parts: string[] = [legend.svg];
  let y = legend.height;
  for (const panels of rows) {
    for (const [index, panel] of panels.entries()) {
      const svg = await renderSvg(
        panelSpec(figure, panel.title, panel.points, { width: panelWidth - 12, height: panelHeight - 8 }),
      );
      const inner = /^<svg[^>]*>([\s\S]*)<\/svg>\s*$/.exec(svg)?.[1] ?? '';
      const at = [(index % across) * panelWidth + 4, y + Math.floor(index / across) * panelHeight];
      parts.push(`<g transform="translate(${at.join(' ')})">${inner}</g>`);
    }
    y += Math.ceil(panels.length / across) * panelHeight;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" class="marks" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}">${parts.join('')}</svg>`;
}

function panelTitle(figure: Figure, row: string, column: number): string {
  const value = figure.x === 'stateSize' ? `tested at length ${column}` : `d = ${column}`;
  return `${row}, ${value}`;
}

const X_TITLES = {
  trainLength: 'sequence length (tokens)',
  testLength: 'test length (tokens)',
  stateSize: 'state after the test length (numbers per sequence)',
} as const;

function panelSpec(
  figure: Figure,
  title: string,
  points: readonly FigurePoint[],
  size: { width: number; height: number },
): TopLevelSpec {
  const series = figureSeries(figure);
  const values: Row[] = points.flatMap(({ model, x, dModel, testLength, measured }) =>
    measured
      ? [
          {
            series: series.findIndex(({ label }) => label === model),
            x,
            y: measured.best,
            low: measured.mean.low ?? measured.best,
            high: measured.mean.high ?? measured.best,
            said: `${model}, d = ${dModel}, length ${testLength}: best run ${formatPercent(measured.best)}, mean ${formatEstimate(measured.mean)}, state ${formatCount(measured.stateSize)}`,
          },
        ]
      : [],
  );
  const places = [...new Set(points.map(({ x }) => x).filter(Number.isFinite))].sort((a, b) => a - b);
  const isLength = figure.x !== 'stateSize';
  const x = {
    field: 'x',
    type: 'quantitative',
    title: X_TITLES[figure.x],
    scale: { type: 'log', base: isLength ? 2 : 10, nice: false, domain: [places[0], places.at(-1)], padding: 14 },
    axis: {
      ...(isLength ? { values: places, format: 'd' } : { tickCount: 4, format: '~s' }),
      grid: false,
      labelOverlap: 'greedy',
      labelFlush: false,
    },
  };
  const y = accuracyAxis;
  const trained = figure.x === 'testLength' ? [...new Set(points.map(({ trainLength }) => trainLength))] : [];
  const spec = chart(size, values, [
    ...trained.flatMap((length) => trainLengthMark(length, places, x).slice(0, 1)), // the line without its words
    {
      mark: { type: 'line', strokeWidth: 2 },
      encoding: { x, y, ...looks(series), detail: { field: 'series' }, order: { field: 'x' } },
    },
    {
      mark: { type: 'rule', strokeWidth: 1.3 },
      encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color: looks(series).color },
    },
    pointLayer(series, x, y, 60),
  ]);
  const heading = { text: title, fontSize: 13, fontWeight: 'bold', color: CHART_INK.text, anchor: 'middle', offset: 8 };
  return { ...spec, title: heading } as TopLevelSpec;
}

const LEGEND = { fontSize: 13, rowHeight: 24, swatch: 34, gap: 20, letter: 6.9 } as const;

/** Entries in lines of at most the width. */
export function drawLegend(
  series: readonly { readonly label: string; readonly style: SeriesStyle }[],
  width: number,
): { svg: string; height: number } {
  let [x, y] = [4, LEGEND.rowHeight / 2 + 2];
  const items = series.map(({ label, style }) => {
    const needed = LEGEND.swatch + 6 + label.length * LEGEND.letter;
    if (x > 4 && x + needed > width) [x, y] = [4, y + LEGEND.rowHeight];
    const dash = style.dash.length > 0 ? ` stroke-dasharray="${style.dash.join(' ')}"` : '';
    const item =
      `<path d="M${x},${y}h${LEGEND.swatch}" stroke="${style.light}" stroke-width="2"${dash}/>` +
      `<path d="${style.mark}" transform="translate(${x + LEGEND.swatch / 2} ${y}) scale(4.4)" fill="${style.light}"/>` +
      `<text x="${x + LEGEND.swatch + 6}" y="${y + 4.5}" font-size="${LEGEND.fontSize}" font-family="system-ui, -apple-system, &quot;Segoe UI&quot;, Roboto, sans-serif" fill="${CHART_INK.text}">${escapeXml(label)}</text>`;
    x += needed + LEGEND.gap;
    return item;
  });
  return { svg: items.join(''), height: y + LEGEND.rowHeight / 2 + 10 };
}

const escapeXml = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
