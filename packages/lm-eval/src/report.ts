/** Results as the harness gives them: its JSON, and its table. */
import { METRICS, type MetricResult } from './metrics.js';
import type { MetricName } from './task.js';

/** What is known of a task that was evaluated. */
export interface TaskSummary {
  readonly task: string;
  readonly version: number;
  readonly metrics: Readonly<Partial<Record<MetricName, MetricResult>>>;
  /** Documents scored, of how many there are. */
  readonly scored: number;
  readonly documents: number;
}

/** The harness's `results.json`, as far as it applies: readers of it find what they look for. */
export function toHarnessJson(summaries: readonly TaskSummary[], config: Readonly<Record<string, unknown>>) {
  const byTask = <T>(value: (summary: TaskSummary) => T) =>
    Object.fromEntries(summaries.map((summary) => [summary.task, value(summary)]));
  return {
    results: byTask(({ task, metrics }) => ({
      alias: task,
      ...Object.fromEntries(
        Object.entries(metrics).flatMap(([name, { value, stderr }]) => [
          [`${name},none`, value],
          [`${name}_stderr,none`, stderr ?? 'N/A'],
        ]),
      ),
    })),
    versions: byTask(({ version }) => version),
    'n-shot': byTask(() => 0),
    higher_is_better: byTask(({ metrics }) =>
      Object.fromEntries(Object.keys(metrics).map((name) => [name, METRICS[name as MetricName].higherIsBetter])),
    ),
    'n-samples': byTask(({ scored, documents }) => ({ original: documents, effective: scored })),
    config,
  };
}

const HEADERS = ['Tasks', 'Version', 'Filter', 'n-shot', 'Metric', '', 'Value', '', 'Stderr'];
const NUMERIC = new Set(['Version', 'n-shot', 'Value']);

/** The table that the harness prints, Markdown. */
export function formatTable(summaries: readonly TaskSummary[]): string {
  const rows = summaries.flatMap(({ task, version, metrics }) =>
    Object.entries(metrics)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { value, stderr }], index) => [
        index === 0 ? task : '',
        index === 0 ? String(version) : '',
        'none',
        '0',
        name,
        METRICS[name as MetricName].higherIsBetter ? '↑' : '↓',
        value.toFixed(4),
        '±',
        stderr === null ? '   N/A' : stderr.toFixed(4),
      ]),
  );
  const widths = HEADERS.map((header, column) =>
    Math.max(3, header.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: readonly string[]) => `|${cells.join('|')}|`;
  const width = (column: number) => widths[column] as number;
  return [
    line(HEADERS.map((header, column) => centred(header, width(column)))),
    line(HEADERS.map((header, column) => (NUMERIC.has(header) ? '-:' : '--').padStart(width(column), '-'))),
    ...rows.map((row) =>
      line(
        row.map((cell, column) =>
          NUMERIC.has(HEADERS[column] as string) ? cell.padStart(width(column)) : cell.padEnd(width(column)),
        ),
      ),
    ),
  ].join('\n');
}

const centred = (text: string, width: number) =>
  text.padStart(text.length + Math.floor((width - text.length) / 2)).padEnd(width);
