/**
 * A table of the paper: what it prints of models, for what their runs measured to be put beside. Its columns are those of
 * Table 2: what the field's evaluation harness says of language models without further training (task and metric as it names them).
 */
import { mean } from 'simple-statistics';

/** A column that the harness fills. */
export interface HarnessColumn {
  readonly key: string;
  readonly header: string;
  readonly task: string;
  readonly metric: string;
  readonly kind: 'perplexity' | 'accuracy';
}

const column = (key: string, header: string, task: string, metric: string): HarnessColumn => ({
  key,
  header,
  task,
  metric,
  kind: metric.endsWith('perplexity') ? 'perplexity' : 'accuracy',
});

/** In the paper's order. */
export const HARNESS_COLUMNS = [
  column('wikitext', 'Wikitext ppl', 'wikitext', 'word_perplexity'),
  column('lambadaStandardPerplexity', 'LAMBADA std ppl', 'lambada_standard', 'perplexity'),
  column('lambadaOpenaiPerplexity', 'LAMBADA oai ppl', 'lambada_openai', 'perplexity'),
  column('lambadaStandard', 'LAMBADA std', 'lambada_standard', 'acc'),
  column('lambadaOpenai', 'LAMBADA oai', 'lambada_openai', 'acc'),
  column('piqa', 'PIQA', 'piqa', 'acc'),
  column('hellaswag', 'HellaSwag n', 'hellaswag', 'acc_norm'),
  column('winogrande', 'WinoGrande', 'winogrande', 'acc'),
  column('arcEasy', 'ARC-E', 'arc_easy', 'acc'),
  column('arcChallenge', 'ARC-C n', 'arc_challenge', 'acc_norm'),
] as const;

/** The tasks behind the columns, each once. */
export const HARNESS_TASKS = [...new Set(HARNESS_COLUMNS.map(({ task }) => task))];

/** Values by the key of a column; what is not there was not measured. */
export type HarnessValues = Readonly<Record<string, number>>;

/** What the paper prints in the row of a model: numbers, or words in place of them. */
export type PaperRow = HarnessValues | string;

/** The table that belongs to a figure; its rows are the models of the figure's first row. */
export interface PaperTable {
  /** `Table 2 of the paper: 367.8M parameters, 15 billion tokens`. */
  readonly title: string;
  /** By the label of a model. */
  readonly paper: Readonly<Record<string, PaperRow>>;
}

/** A row of the paper in its order of columns; null where it prints nothing. */
export function paperRow(...values: readonly (number | null)[]): HarnessValues {
  return Object.fromEntries(
    HARNESS_COLUMNS.flatMap(({ key }, index) => {
      const value = values[index];
      return typeof value === 'number' ? [[key, value]] : [];
    }),
  );
}

/** Mean of all accuracies, as the paper's last column; undefined where one is missing. */
export function averageAccuracy(values: HarnessValues): number | undefined {
  const accuracies = HARNESS_COLUMNS.filter(({ kind }) => kind === 'accuracy').map(({ key }) => values[key]);
  return accuracies.every((value) => value !== undefined) ? mean(accuracies as number[]) : undefined;
}
