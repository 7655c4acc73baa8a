/**
 * Plots of what was computed as one SVG: each a panel under its title and legend. In the looks of the report, whose style sheet
 * can recolour them.
 *
 * A plot's n-th band and its n-th marks have the colour of its n-th line: what was measured stands beside what it is held to.
 */
import type { Axis, Plot, PlotPoint, PlotSeries } from '@mixerzoo/theory';
import type { TopLevelSpec } from 'vega-lite';
import { type ChartSize, chart, looks, pointLayer, type Row, renderSvg } from '../report/chart-parts.js';
import { type SeriesStyle, seriesStyle } from '../report/series-style.js';
import type { Layout } from './chart.js';
import { BAND_OPACITY, drawLegend, drawWords, placed, wholeSvg } from './legend.js';

export const WIDE_PLOTS: Layout = { panelWidth: 350, panelHeight: 290 };
/** One below the other, for a phone. */
export const NARROW_PLOTS: Layout = { panelWidth: 330, panelHeight: 270, columns: 1 };

const HEADING = 24;

type Styled = PlotSeries & { readonly style: SeriesStyle };

/** Draws plots side by side, as many as the layout has columns. */
export async function drawPlots(
  plots: readonly Plot[],
  { panelWidth, panelHeight, columns = plots.length }: Layout,
): Promise<string> {
  const panels = styledPlots(plots).map((series, index) => ({
    plot: plots[index]!,
    series,
    legend: drawLegend(
      series.map(({ label, style, kind }) => ({ label, style, kind })),
      panelWidth - 12,
    ),
  }));
  const parts: string[] = [];
  let y = 0;
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    const top = HEADING + Math.max(...row.map(({ legend }) => legend.height)); // panels of a row stand level
    for (const [column, { plot, series, legend }] of row.entries()) {
      const x = column * panelWidth + 4;
      const size = { width: panelWidth - 12, height: panelHeight - 8 };
      parts.push(drawWords(plot.title, x + size.width / 2, y + HEADING - 8, true));
      parts.push(placed(legend.svg, x, y + HEADING));
      parts.push(placed(await renderSvg(plotSpec(plot, series, size)), x, y + top));
    }
    y += top + panelHeight;
  }
  return wholeSvg(Math.max(Math.min(columns, panels.length) * panelWidth, 330), y, parts);
}

/** How many colours plots take together. */
export const coloursOf = (plots: readonly Plot[]): number => plots.reduce((sum, plot) => sum + coloursIn(plot), 0);

const coloursIn = ({ series }: Plot) =>
  Math.max(...(['line', 'points', 'band'] as const).map((kind) => series.filter((one) => one.kind === kind).length));

/** The series of each plot with their looks; no two plots have a colour in common. */
function styledPlots(plots: readonly Plot[]): Styled[][] {
  let first = 0;
  return plots.map((plot) => {
    const styled = plot.series.map((one) => {
      const rank = plot.series.filter(({ kind }) => kind === one.kind).indexOf(one);
      return { ...one, style: seriesStyle(first + rank) };
    });
    first += coloursIn(plot);
    return styled;
  });
}

function plotSpec({ x: along, y: up }: Plot, series: readonly Styled[], size: ChartSize): TopLevelSpec {
  const values = series.flatMap(({ label, kind, points }, index) =>
    points.map(({ x, y, low = y, high = y }): Row => {
      return { series: index, kind, x, y, low, high, said: `${label}: ${sayPoint(along, up, { x, y, low, high })}` };
    }),
  );
  const reach = (pick: (point: PlotPoint) => readonly number[]) => series.flatMap(({ points }) => points.flatMap(pick));
  const x = axis(
    'x',
    along,
    reach((point) => [point.x]),
    false,
  );
  const y = axis(
    'y',
    up,
    reach(({ y: value, low = value, high = value }) => [value, low, high]),
    true,
  );
  const [low, high] = [{ ...y, field: 'low' }, { field: 'high' }];
  const { color, strokeDash } = looks(series);
  const only = (kind: PlotSeries['kind']) => ({ transform: [{ filter: `datum.kind === '${kind}'` }] });
  return chart(size, values, [
    {
      ...only('band'),
      mark: { type: 'area', fillOpacity: BAND_OPACITY },
      encoding: { x, y: low, y2: high, fill: color, detail: { field: 'series' } },
    },
    {
      ...only('line'),
      mark: { type: 'line', strokeWidth: 2 },
      encoding: { x, y, color, strokeDash, detail: { field: 'series' }, order: { field: 'x' } },
    },
    { ...only('points'), mark: { type: 'rule', strokeWidth: 1.4 }, encoding: { x, y: low, y2: high, color } },
    { ...only('points'), ...pointLayer(series, x, y, 60) },
  ]);
}

function axis(field: string, { label, log = false }: Axis, values: readonly number[], grid: boolean): object {
  const common = { field, type: 'quantitative', title: label };
  if (!log) return { ...common, scale: { nice: true }, axis: { grid, tickCount: 5, labelOverlap: 'greedy' } };
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const within = (steps: readonly number[]) =>
    Array.from({ length: Math.ceil(Math.log10(most)) - Math.floor(Math.log10(least)) + 1 }, (_, i) => i)
      .flatMap((i) => steps.map((step) => step * 10 ** (Math.floor(Math.log10(least)) + i)))
      .filter((value) => value >= least * 0.999 && value <= most * 1.001);
  const decades = within([1]);
  return {
    ...common,
    scale: { type: 'log', nice: false, domain: [least, most], padding: 10 },
    axis: {
      grid,
      format: least < 1 ? '~g' : '~s', // no `100m` for a tenth
      values: decades.length > 1 ? decades : within([1, 2, 5]),
      labelOverlap: 'greedy',
    },
  };
}

/** `block size B 10, embedding d 193 to 320`. */
function sayPoint(along: Axis, up: Axis, { x, y, low, high }: Required<PlotPoint>): string {
  const shown = (value: number) => String(Number(value.toPrecision(4)));
  const interval =
    low === high
      ? shown(y)
      : low === y
        ? `${shown(low)} to ${shown(high)}`
        : `${shown(y)} [${shown(low)}, ${shown(high)}]`;
  return `${along.label} ${shown(x)}, ${up.label} ${interval}`;
}
