/** The chart of losses by position. */
import type { TopLevelSpec } from 'vega-lite';
import { type ChartSize, chart, freeLossAxis, looks, pointLayer, type Row } from './chart-parts.js';
import { type Series, trainLengthMark } from './charts.js';
import { lossByPosition } from './loss-by-position.js';
import { formatNats } from './score.js';

/** A line for every entry, the training length marked. Undefined where no entry has two bins. */
export function positionChart(series: readonly Series[], size: ChartSize): TopLevelSpec | undefined {
  const rows = series.flatMap(({ entry }, index) =>
    lossByPosition(entry).map(
      ({ start, end, loss }): Row => ({
        series: index,
        x: (start + end) / 2,
        y: loss,
        said: `${entry.label}, positions ${start + 1} to ${end}: ${formatNats(loss)} nats`,
      }),
    ),
  );
  if (new Set(rows.map(({ x }) => x)).size < 2) return undefined;
  const longest = Math.max(...series.flatMap(({ entry }) => lossByPosition(entry).map(({ end }) => end)));
  const x = {
    field: 'x',
    type: 'quantitative',
    title: 'position (tokens)',
    scale: { domain: [0, longest], nice: false, padding: 8 },
    axis: { grid: false, format: ',d', labelOverlap: 'greedy', labelFlush: false },
  };
  const trained = [...new Set(series.map(({ entry }) => entry.trainLength))];
  return chart(size, rows, [
    ...trained.flatMap((length) => trainLengthMark(length, [0, longest], x)),
    {
      mark: { type: 'line', strokeWidth: 1.8, strokeJoin: 'round' },
      encoding: { x, y: freeLossAxis, ...looks(series), detail: { field: 'series' }, order: { field: 'x' } },
    },
    pointLayer(series, x, freeLossAxis, 40),
  ]);
}
