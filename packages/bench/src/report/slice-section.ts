/** Accuracy by what a task tells answers apart by: a chart and a table for each such slice of the test. */
import type { TopLevelSpec } from 'vega-lite';
import { accuracyAxis, type ChartSize, chart, looks, pointLayer, type Row } from './chart-parts.js';
import { legend, type NumberedSeries, oneWidth } from './drawing.js';
import { formatCount, formatEstimate, NO_VALUE } from './format.js';
import { type Html, html } from './html.js';
import type { BinOutcome, LengthOutcome } from './outcome.js';
import { type PlainTable, plainTable } from './plain-table.js';

const SIZE: ChartSize = { width: 440, height: 240 };

/** Bins of one model beside each other. */
interface Line {
  readonly series: NumberedSeries;
  readonly bins: readonly BinOutcome[];
}

/** A chart: bins of one test length, or where each length has one bin, of all lengths. */
interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** `of`: `: d 64`, where there are several settings. Empty where no slice has two bins. */
export async function sliceSection(series: readonly NumberedSeries[], of: string): Promise<Html> {
  const names = [
    ...new Set(series.flatMap((one) => lengthsOf(one).flatMap(({ slices }) => slices.map(({ name }) => name)))),
  ];
  const slices = names
    .map((name) => ({ name, panels: panelsOf(name, series) }))
    .filter(({ panels }) => panels.length > 0);
  if (slices.length === 0) return html``;
  const parts = await Promise.all(
    slices.map(async ({ name, panels }) => {
      const charts = await Promise.all(
        panels.map(async ({ title, lines }) => {
          const svg = await oneWidth(sliceChart(name, lines), describe(name, title, lines));
          return html`<div><p class="note">${title}</p>${svg}</div>`;
        }),
      );
      const tables = panels.map((panel) => plainTable(tableOf(name, panel)));
      return html`<h3>By ${name}</h3><div class="pair">${charts}</div>
<details><summary>Numbers by ${name}</summary>${tables}</details>`;
    }),
  );
  return html`<section data-charts><h2>Accuracy by kind of answer${of}</h2>
<p class="note">The answers of the test told apart. Bars: 95&nbsp;% confidence intervals; few answers make wide ones. All lengths are in slices.csv.</p>
${legend(series)}
${parts}</section>`;
}

const lengthsOf = ({ entry }: NumberedSeries): readonly LengthOutcome[] => entry.outcome?.lengths ?? [];

/** The training length and the longest; one panel of all lengths where each has a single bin. None with fewer than two bins. */
function panelsOf(name: string, series: readonly NumberedSeries[]): Panel[] {
  const binsAt = (one: NumberedSeries, seqLen: number) =>
    lengthsOf(one)
      .find((length) => length.seqLen === seqLen)
      ?.slices.find((slice) => slice.name === name)?.bins ?? [];
  const lengths = [...new Set(series.flatMap((one) => lengthsOf(one).map(({ seqLen }) => seqLen)))].sort(
    (a, b) => a - b,
  );
  const linesAt = (some: readonly number[]): Line[] =>
    series
      .map((one) => ({ series: one, bins: some.flatMap((seqLen) => binsAt(one, seqLen)) }))
      .filter(({ bins }) => bins.length > 0);
  const single = lengths.every((seqLen) => series.every((one) => binsAt(one, seqLen).length <= 1));
  const shown = new Set([series[0]?.entry.trainLength ?? Number.NaN, lengths.at(-1)!]);
  const panels = single
    ? [{ title: 'All test lengths', lines: linesAt(lengths) }]
    : [...shown].map((seqLen) => ({ title: `Test length ${seqLen}`, lines: linesAt([seqLen]) }));
  return panels.filter(({ lines }) => binsOf(lines).length > 1);
}

/** The bins of all lines, ascending, each once. */
function binsOf(lines: readonly Line[]): BinOutcome[] {
  const byStart = new Map(lines.flatMap(({ bins }) => bins.map((bin) => [bin.from, bin])));
  return [...byStart.values()].sort((a, b) => a.from - b.from);
}

const nameOf = ({ from, to }: Pick<BinOutcome, 'from' | 'to'>) => (from === to ? String(from) : `${from}–${to}`);

function sliceChart(name: string, lines: readonly Line[]): TopLevelSpec {
  const series = lines.map((line) => line.series);
  const rows = lines.flatMap(({ series: { entry }, bins }, index): Row[] =>
    bins.map((bin) => ({
      series: index,
      x: nameOf(bin),
      bin: bin.from,
      y: bin.accuracy.value,
      low: bin.accuracy.low ?? bin.accuracy.value,
      high: bin.accuracy.high ?? bin.accuracy.value,
      said: `${entry.label}, ${name} ${nameOf(bin)}: ${formatEstimate(bin.accuracy)} of ${formatCount(bin.answers)} answers`,
    })),
  );
  const x = {
    field: 'x',
    type: 'ordinal',
    title: name,
    scale: { type: 'point', padding: 0.3, domain: binsOf(lines).map(nameOf) },
    axis: { labelAngle: 0, labelOverlap: 'greedy' },
  };
  return chart(SIZE, rows, [
    {
      mark: { type: 'line', strokeWidth: 1.8 },
      encoding: { x, y: accuracyAxis, ...looks(series), detail: { field: 'series' }, order: { field: 'bin' } },
    },
    {
      mark: { type: 'rule', strokeWidth: 1.2 },
      encoding: { x, y: { ...accuracyAxis, field: 'low' }, y2: { field: 'high' }, color: looks(series).color },
    },
    pointLayer(series, x, accuracyAxis, 52),
  ]);
}

function describe(name: string, title: string, lines: readonly Line[]): string {
  const said = lines.map(({ series: { entry }, bins }) => {
    const points = bins.map((bin) => `${formatEstimate({ ...bin.accuracy, low: null })} at ${nameOf(bin)}`);
    return `${entry.label}: ${points.join(', ')}`;
  });
  return `Line chart of test accuracy against ${name}, ${title.toLowerCase()}. ${said.join('. ')}.`;
}

function tableOf(name: string, { title, lines }: Panel): PlainTable {
  const bins = binsOf(lines);
  return {
    title: `Accuracy by ${name}, ${title.toLowerCase()}`,
    columns: bins.map(nameOf),
    rows: lines.map((line) => ({
      head: line.series.entry.label,
      cells: bins.map(({ from }) => {
        const bin = line.bins.find((one) => one.from === from);
        const [text = NO_VALUE, aside] = bin ? formatEstimate(bin.accuracy).split(/ (?=\[)/) : [];
        return aside === undefined ? { text } : { text, aside };
      }),
    })),
    notes: [],
  };
}
