/** What models recall by length as Markdown, from the results of an experiment. */
import { formatCount, formatPercent, NO_VALUE } from '../packages/bench/src/report/format.js';

/** The experiments that have a table: what `mixerzoo run` takes for each, and the document it stands in. */
export const RECALL_TABLES = [
  { name: 'quick', experiment: 'quick', path: 'README.md' },
  { name: 'recall-recipes', experiment: 'recall-recipes', path: 'docs/recall-recipes.md' },
  { name: 'recall-decay', experiment: 'benchmarks/recall-decay.yaml', path: 'docs/recall-recipes.md' },
] as const;

/** What a file of results holds. */
export interface RecallResults {
  readonly trainLength: number;
  readonly lengths: readonly number[];
  readonly seeds: number;
  readonly models: readonly RecallRow[];
}

/** A model at the learning rate that the search has chosen. */
export interface RecallRow {
  readonly model: string;
  readonly parameters: number;
  readonly learningRate: number;
  /** Means over seeds, by length. */
  readonly accuracies: readonly number[];
  /** The median of the runs that got there; null where none did. */
  readonly stepsTo99: number | null;
  readonly runsTo99: number;
}

/** The table, best first as the report has it. */
export function recallMarkdown({ trainLength, lengths, seeds, models }: RecallResults): string {
  const heads = lengths.map((seqLen) => (seqLen === trainLength ? `accuracy at ${seqLen}` : `at ${seqLen}`));
  const rows = models.map(({ model, parameters, learningRate, accuracies, stepsTo99, runsTo99 }) => {
    const some = runsTo99 < seeds ? ` (${runsTo99} of ${seeds} seeds)` : '';
    const steps = stepsTo99 === null ? NO_VALUE : `${formatCount(stepsTo99)}${some}`;
    return [model, formatCount(parameters), ...accuracies.map((share) => formatPercent(share)), learningRate, steps];
  });
  const table = [
    ['model', 'parameters', ...heads, 'learning rate', 'steps to 99 %'],
    ['---', ...Array.from({ length: lengths.length + 3 }, () => '---:')],
    ...rows,
  ].map((cells) => `| ${cells.join(' | ')} |`);
  return table.join('\n');
}
