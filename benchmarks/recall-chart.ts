/** The picture of the README: what models recall by test length, from the results of an experiment. */
import { drawLegend, onWhite, placed, wholeSvg } from '../packages/bench/src/figures/legend.js';
import { accuracyAxis, chart, looks, pointLayer, renderSvg } from '../packages/bench/src/report/chart-parts.js';
import { trainLengthMark } from '../packages/bench/src/report/charts.js';
import { formatPercent } from '../packages/bench/src/report/format.js';
import { seriesStyle } from '../packages/bench/src/report/series-style.js';
import type { RecallResults } from './recall-table.js';

const SIZE = { width: 760, height: 320 };

/** Accuracy of every model at every length, the training length dashed, below the legend; SVG on white. */
export async function drawRecall({ trainLength, lengths, models }: RecallResults): Promise<string> {
  const series = models.map(({ model }, index) => ({
    label: model,
    style: seriesStyle(index),
    kind: 'marked' as const,
  }));
  const legend = drawLegend(series, SIZE.width);
  const x = {
    field: 'x',
    type: 'quantitative',
    title: 'test length (tokens)',
    scale: { type: 'log', base: 2, nice: false, domain: [lengths[0], lengths.at(-1)], padding: 16 },
    axis: { values: lengths, format: 'd', grid: false, labelFlush: false },
  };
  const rows = models.flatMap(({ model, accuracies }, index) =>
    accuracies.map((accuracy, at) => {
      const seqLen = lengths[at] as number;
      return {
        series: index,
        x: seqLen,
        y: accuracy,
        said: `${model} at length ${seqLen}: ${formatPercent(accuracy)}`,
      };
    }),
  );
  const spec = chart({ width: SIZE.width - 12, height: SIZE.height - 8 }, rows, [
    ...trainLengthMark(trainLength, lengths, x),
    {
      mark: { type: 'line', strokeWidth: 2.2 },
      encoding: { x, y: accuracyAxis, ...looks(series), detail: { field: 'series' } },
    },
    pointLayer(series, x, accuracyAxis, 75),
  ]);
  const parts = [legend.svg, placed(await renderSvg(spec), 4, legend.height)];
  return onWhite(wholeSvg(SIZE.width, legend.height + SIZE.height, parts));
}
