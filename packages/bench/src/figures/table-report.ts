/** The rows of a table as a reader sees them: what was measured, and what the paper prints. */
import type { Entry } from '../report/entries.js';
import { formatCount, formatPercent, formatPerplexity, listWords, NO_VALUE } from '../report/format.js';
import type { PlainCell, PlainRow, PlainTable } from '../report/plain-table.js';
import { perplexity } from '../report/score.js';
import type { Estimate } from '../report/statistics.js';
import type { TrainedFigure } from './figure.js';
import { averageAccuracy, HARNESS_COLUMNS, type HarnessValues, type PaperTable } from './paper-table.js';
import { scoreRows, scoreTables } from './score-table.js';
import { type TableData, type TableRow, tableRows } from './table-rows.js';

const AVERAGE = 'Average';

/** The tables of a figure, the first of them shown at once, and what they are of. */
export function tablesOf(
  figure: TrainedFigure,
  scale: string,
  entries: readonly Entry[],
  data: TableData,
): { readonly tables: readonly [PlainTable, ...PlainTable[]]; readonly facts: object } {
  const table = figure.table!;
  if ('score' in table) {
    const rows = scoreRows(figure, scale, entries);
    return { tables: scoreTables(rows, table), facts: { rows } };
  }
  const rows = tableRows(figure, scale, entries, data);
  const trainLength = entries[0]?.trainLength ?? Number.NaN;
  const missing = missingColumns(rows, data.missing);
  return {
    tables: [measuredTable(rows, trainLength, missing), paperTable(table, figure.rows[0]!.models)],
    facts: { trainLength, rows, missing },
  };
}

/** What was measured; columns of the harness where any model has them. */
export function measuredTable(rows: readonly TableRow[], trainLength: number, missing: readonly string[]): PlainTable {
  const columns = HARNESS_COLUMNS.filter(({ key }) => rows.some(({ harness }) => harness[key] !== undefined));
  const averaged = columns.length > 0 && rows.some(({ harness }) => averageAccuracy(harness) !== undefined);
  const bytes = rows.some(({ bitsPerByte }) => bitsPerByte !== null);
  const numbers = (row: TableRow): PlainCell[] => [
    { text: formatCount(row.parameters ?? Number.NaN) },
    { text: formatCount(row.trainingTokens ?? Number.NaN) },
    row.loss ? estimated(perplexity(row.loss), formatPerplexity) : { text: NO_VALUE },
    ...(bytes ? [row.bitsPerByte ? estimated(row.bitsPerByte, formatBits) : { text: NO_VALUE }] : []),
    ...columns.map(({ key, kind }): PlainCell => {
      const text = formatValue(row.harness[key], kind);
      const paper = typeof row.paper === 'object' ? row.paper?.[key] : undefined;
      return paper === undefined ? { text } : { text, aside: `paper ${formatValue(paper, kind)}` };
    }),
    ...(averaged ? [{ text: formatValue(averageAccuracy(row.harness), 'accuracy') }] : []),
  ];
  const seeds = Math.max(...rows.map(({ runs }) => runs));
  const notes = [
    `Perplexity${bytes ? ' and bits per byte' : ''} of held-out text in windows of ${trainLength} tokens. In brackets the 95 % interval, ${
      seeds > 1
        ? 'of the mean over seeds'
        : 'over the windows, of this one training run; another seed may differ by more'
    }.`,
    ...missing,
  ];
  return {
    title: 'What was measured',
    columns: [
      'Parameters',
      'Training tokens',
      'Perplexity',
      ...(bytes ? ['Bits per byte'] : []),
      ...columns.map(({ header }) => header),
      ...(averaged ? [AVERAGE] : []),
    ],
    rows: rows.map((row): PlainRow => {
      const measured = row.status === 'done' || row.status === 'baseline';
      return { head: row.label, cells: measured ? numbers(row) : [{ text: row.status }] };
    }),
    notes,
  };
}

/** What the paper prints. */
function paperTable({ title, paper }: PaperTable, labels: readonly string[]): PlainTable {
  const cells = (values: HarnessValues): PlainCell[] => [
    ...HARNESS_COLUMNS.map(({ key, kind }) => ({ text: formatValue(values[key], kind) })),
    { text: formatValue(averageAccuracy(values), 'accuracy') },
  ];
  return {
    title,
    columns: [...HARNESS_COLUMNS.map(({ header }) => header), AVERAGE],
    rows: labels.flatMap((head) => {
      const row = paper[head];
      return row === undefined ? [] : [{ head, cells: typeof row === 'string' ? [{ text: row }] : cells(row) }];
    }),
    notes: [
      'ppl: perplexity, per word on Wikitext, of the last word on LAMBADA; the others are accuracies; n: normalised by length.',
    ],
  };
}

/** Columns that have no value in any row, in words; nothing where all have. */
export function missingColumns(rows: readonly TableRow[], reasons: ReadonlyMap<string, string>): string[] {
  const absent = HARNESS_COLUMNS.filter(({ key }) => rows.every(({ harness }) => harness[key] === undefined));
  if (absent.length === 0) return [];
  const given = [...new Set(absent.map(({ task }) => task))].flatMap((task) => reasons.get(task) ?? []);
  const why = given.length > 0 ? given.join(' ') : 'Give a directory with the published files by --data.';
  return [`Not measured: ${listWords(absent.map(({ header }) => header))}. ${why}`];
}

function formatValue(value: number | undefined, kind: 'perplexity' | 'accuracy'): string {
  return kind === 'perplexity' ? formatPerplexity(value) : formatPercent(value);
}

const formatBits = (bits: number) => bits.toPrecision(4);

function estimated({ value, low, high }: Estimate, format: (value: number) => string): PlainCell {
  const text = format(value);
  return low === null || high === null ? { text } : { text, aside: `[${format(low)}, ${format(high)}]` };
}
