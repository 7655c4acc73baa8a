/** What runs measured, as the rows of a table beside those of the paper. */
import type { Entry } from '../report/entries.js';
import { baselineRows } from '../report/likelihood-columns.js';
import type { Estimate } from '../report/statistics.js';
import type { TrainedFigure } from './figure.js';
import type { HarnessValues, PaperRow } from './paper-table.js';
import { allDiverged, belongsTo } from './points.js';

/** A row: a model of the figure, or a simple model of the same text. */
export interface TableRow {
  readonly label: string;
  readonly status: 'done' | 'diverged' | 'failed' | 'not finished' | 'baseline';
  /** Runs averaged. */
  readonly runs: number;
  readonly parameters: number | null;
  /** Tokens that each run trained on. */
  readonly trainingTokens: number | null;
  /** Of held-out text at the training length, nats per token. */
  readonly loss: Estimate | null;
  /** Bits for each byte of that text; null where the task does not say how many a token stands for. */
  readonly bitsPerByte: Estimate | null;
  /** Of the best run by validation; empty without the harness's data. */
  readonly harness: HarnessValues;
  readonly paper: PaperRow | null;
}

/** What a table needs beside the runs. */
export interface TableData {
  /** By label. */
  readonly harness: ReadonlyMap<string, HarnessValues>;
  /** Why tasks of the harness have no values, by task, as sentences. */
  readonly missing: ReadonlyMap<string, string>;
}

export const NO_DATA: TableData = { harness: new Map(), missing: new Map() };

/** The rows of a figure's table: its models as the first row lists them, then the baselines from the worst on. */
export function tableRows(
  figure: TrainedFigure,
  scale: string,
  entries: readonly Entry[],
  { harness }: TableData,
): TableRow[] {
  const [row] = figure.rows;
  const shown = entries.filter(({ runs }) => belongsTo(row!, runs[0]!.config, scale));
  const models = row!.models.map((label): TableRow => {
    const entry = shown.find((one) => one.runs[0]!.config.label === label);
    const outcome = entry?.outcome;
    return {
      label,
      status: outcome ? 'done' : statusOf(entry),
      runs: outcome?.selected.length ?? 0,
      parameters: outcome?.parameters ?? null,
      trainingTokens: outcome?.tokens ?? null,
      loss: outcome?.loss ?? null,
      bitsPerByte:
        outcome && outcome.bitsPerByte > 0 ? scaled(outcome.loss, outcome.bitsPerByte / outcome.loss.value) : null,
      harness: harness.get(label) ?? {},
      paper: paperOf(figure)?.[label] ?? null,
    };
  });
  const simple = baselineRows(shown)
    .sort((a, b) => b.loss - a.loss)
    .map(
      ({ name, loss, bitsPerByte }): TableRow => ({
        label: name,
        status: 'baseline',
        runs: 0,
        parameters: null,
        trainingTokens: null,
        loss: exact(loss),
        bitsPerByte: bitsPerByte > 0 ? exact(bitsPerByte) : null,
        harness: {},
        paper: null,
      }),
    );
  return [...models, ...simple];
}

const paperOf = ({ table }: TrainedFigure) => (table && 'paper' in table ? table.paper : undefined);

function statusOf(entry: Entry | undefined): TableRow['status'] {
  if (!entry) return 'not finished';
  if (allDiverged(entry.runs)) return 'diverged';
  return entry.open.some(({ status }) => status === 'failed') ? 'failed' : 'not finished';
}

const exact = (value: number): Estimate => ({ value, low: null, high: null });

const scaled = ({ value, low, high }: Estimate, by: number): Estimate => ({
  value: by * value,
  low: low === null ? null : by * low,
  high: high === null ? null : by * high,
});
