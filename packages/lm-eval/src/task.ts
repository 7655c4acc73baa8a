/** The contract of an evaluation: documents of published data, what a model is asked of each, and what its answers are worth. */
import type { z } from 'zod';

/** Likelihood of a text after another; or of a text as a whole, by rolling windows. */
export type TextRequest =
  | { readonly kind: 'continuation'; readonly context: string; readonly continuation: string }
  | { readonly kind: 'rolling'; readonly text: string };

/** Answer to a request. */
export interface Likelihood {
  /** Sum over its tokens, nats. */
  readonly logLikelihood: number;
  /** True if each of its tokens is the most likely one. */
  readonly greedy: boolean;
}

/** What a document counts towards a metric: a value, or one and its weight. */
export type Item = number | readonly [value: number, weight: number];

export type MetricName = 'acc' | 'acc_norm' | 'perplexity' | 'word_perplexity' | 'byte_perplexity' | 'bits_per_byte';

/** Where the data is published, and what files of it are called. */
export interface DataSource {
  /** On the Hugging Face hub: `EleutherAI/lambada_openai`. */
  readonly dataSet: string;
  /** Of the data set, where it has several. */
  readonly config?: string;
  readonly split: 'validation' | 'test';
  /** Names under which else it is published: `wiki.test.raw`. */
  readonly files: readonly string[];
}

/** A task as the harness defines it. D: a document. */
export interface EvalTask<D = unknown> {
  /** As the harness calls it. */
  readonly name: string;
  /** Of its definition in the harness. */
  readonly version: number;
  readonly source: DataSource;
  /** Columns that a row has. */
  readonly schema: z.ZodType<D>;
  readonly metrics: readonly MetricName[];
  /** Rows of a file that is published in another form, where they are of such. */
  adapt?(rows: readonly Row[]): readonly Row[];
  requests(document: D): readonly TextRequest[];
  /** Answers are those of `requests`, in order. */
  items(document: D, answers: readonly Likelihood[]): Readonly<Partial<Record<MetricName, Item>>>;
}

/** A row of a file, as read. */
export type Row = Readonly<Record<string, unknown>>;

/** A task of documents of any type. */
export function defineEvalTask<D>(task: EvalTask<D>): EvalTask {
  return task as EvalTask;
}
