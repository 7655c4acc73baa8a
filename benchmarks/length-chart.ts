/** The plot of `bench:length`: a panel for each pass and cost, a line for each mixer, both axes logarithmic. */
import { drawLegend, onWhite, placed, wholeSvg } from '../packages/bench/src/figures/legend.js';
import { CHART_INK, chart, looks, pointLayer, renderSvg } from '../packages/bench/src/report/chart-parts.js';
import { seriesStyle } from '../packages/bench/src/report/series-style.js';

/** A panel: what a line's points stand for, and where they are. */
export interface Panel {
  readonly title: string;
  readonly yTitle: string;
  readonly points: readonly { readonly label: string; readonly seqLen: number; readonly value: number }[];
}

const SIZE = { width: 420, height: 340 };
/** Panels side by side. */
const ACROSS = 2;

/** Draws the panels below their legend. */
export async function drawPanels(panels: readonly Panel[]): Promise<string> {
  const labels = [...new Set(panels.flatMap(({ points }) => points.map(({ label }) => label)))];
  const series = labels.map((label, index) => ({ label, style: seriesStyle(index), kind: 'marked' as const }));
  const width = ACROSS * SIZE.width;
  const legend = drawLegend(series, width);
  const parts = [legend.svg];
  for (const [index, { title, yTitle, points }] of panels.entries()) {
    const lengths = [...new Set(points.map(({ seqLen }) => seqLen))].sort((a, b) => a - b);
    const x = {
      field: 'x',
      type: 'quantitative',
      title: 'sequence length (tokens)',
      scale: { type: 'log', base: 2, nice: false, domain: [lengths[0], lengths.at(-1)], padding: 14 },
      axis: { values: lengths, format: 'd', grid: false, labelOverlap: 'greedy', labelFlush: false },
    };
    const y = {
      field: 'y',
      type: 'quantitative',
      title: yTitle,
      scale: { type: 'log', base: 10 },
      axis: { format: '~s', tickCount: 5 },
    };
    const values = points.map(({ label, seqLen, value }) => ({
      series: labels.indexOf(label),
      x: seqLen,
      y: value,
      said: `${label}, length ${seqLen}: ${value.toPrecision(3)}`,
    }));
    const line = {
      mark: { type: 'line', strokeWidth: 1.8 },
      encoding: { x, y, ...looks(series), detail: { field: 'series' }, order: { field: 'x' } },
    };
    const spec = chart({ width: SIZE.width - 12, height: SIZE.height - 8 }, values, [
      line,
      pointLayer(series, x, y, 40),
    ]);
    const heading = {
      text: title,
      fontSize: 13,
      fontWeight: 'bold',
      color: CHART_INK.text,
      anchor: 'middle',
      offset: 8,
    };
    const svg = await renderSvg({ ...spec, title: heading } as Parameters<typeof renderSvg>[0]);
    const at = [(index % ACROSS) * SIZE.width + 4, legend.height + Math.floor(index / ACROSS) * SIZE.height] as const;
    parts.push(placed(svg, ...at));
  }
  return onWhite(wholeSvg(width, legend.height + Math.ceil(panels.length / ACROSS) * SIZE.height, parts));
}
