/** What Landmark CAT recalls in its soft form and by hard retrieval as Markdown, from the results of an experiment. */
import { formatPercent } from '../packages/bench/src/report/format.js';

/** The experiment that has a table, and the document it stands in. */
export const LANDMARK_TABLE = { name: 'landmark-gap', path: 'docs/landmark.md' } as const;

/** What a file of results holds. */
export interface LandmarkResults {
  readonly trainLength: number;
  /** Test lengths. */
  readonly lengths: readonly number[];
  readonly seeds: number;
  readonly models: readonly LandmarkRow[];
}

/** Means over seeds, by test length; the lowest is of hard retrieval at the training length. */
export interface LandmarkRow {
  readonly model: string;
  readonly soft: readonly number[];
  readonly hard: readonly number[];
  readonly lowest: number;
}

/** The table, in the order of the results. */
export function landmarkMarkdown({ trainLength, lengths, seeds, models }: LandmarkResults): string {
  const at = lengths.indexOf(trainLength);
  const others = lengths.flatMap((seqLen, index) => (index === at ? [] : [{ seqLen, index }]));
  const cells = ({ soft, hard }: LandmarkRow, index: number) => [
    formatPercent(soft[index]!),
    formatPercent(hard[index]!),
  ];
  const table = [
    [
      'training',
      `soft at ${trainLength}`,
      'hard',
      `lowest of ${seeds} seeds`,
      ...others.flatMap(({ seqLen }) => [`soft at ${seqLen}`, 'hard']),
    ],
    ['---', ...Array.from({ length: 3 + 2 * others.length }, () => '---:')],
    ...models.map((row) => [
      row.model,
      ...cells(row, at),
      formatPercent(row.lowest),
      ...others.flatMap(({ index }) => cells(row, index)),
    ]),
  ];
  return table.map((row) => `| ${row.join(' | ')} |`).join('\n');
}
