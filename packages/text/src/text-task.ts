/**
 * Text as a task: windows of T tokens, each position labelled with the token after it.
 *
 * T = 6 (a window reads T + 1 tokens; the next window begins with the last one of them):
 *
 * | t     | 0 | 1 | 2 | 3 | 4 | 5 |
 * |-------|---|---|---|---|---|---|
 * | input | a | _ | r | o | s | e |
 * | label | _ | r | o | s | e | _ |
 *
 * Windows go across documents, which a separator divides. Validation and test are the first windows of their splits, for every
 * seed. Training reads passes over all windows, each in an order of its own: a permutation by foldIn(seed, pass).
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { foldIn } from '@mixerzoo/core/rng';
import { type Baseline, defineTask, type Examples, type Split, type Task, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { splitBaselines } from './baselines/split-baselines.js';
import { CORPORA, openCorpus } from './corpora/open-corpus.js';
import { permute } from './permutation.js';
import { type DataSet, openDataSet } from './shards/data-set.js';

const textSchema = z
  .strictObject({
    data: z
      .string()
      .min(1)
      .optional()
      .describe('directory that `mixerzoo data prepare` made; a config file counts it from its own directory'),
    corpus: z.enum(CORPORA).optional().describe('text that npm installs, prepared on first use; in place of `data`'),
    tokenizer: z
      .string()
      .regex(/^(bytes|bpe:\d+)$/, 'expected `bytes` or `bpe:<vocabulary>`')
      .optional()
      .describe('of a `corpus`: `bytes`, or `bpe:4096`, byte-level BPE trained on it; default `bytes`'),
    seqLen: z.int().min(1).default(256).describe('T, tokens of a window'),
    dataHash: z.string().optional().describe('what identifies the data; filled in. Data of another hash are refused'),
  })
  .refine(({ data, corpus }) => (data === undefined) !== (corpus === undefined), {
    message: 'expected either `data`, a directory that `mixerzoo data prepare` made, or `corpus`',
  })
  .refine(({ corpus, tokenizer }) => corpus !== undefined || tokenizer === undefined, {
    message: 'expected no `tokenizer` beside `data`, which have their own',
    path: ['tokenizer'],
  });

/** A task of text: endless to train on, judged by likelihood, beside n-grams. */
export interface TextTask extends Task {
  readonly measure: 'likelihood';
  readonly tokenBytes: Uint16Array;
  stream(request: { readonly seed: number; readonly first: number; readonly count: number }): Examples;
  baselines(split: Split, count?: number): readonly Baseline[];
  atLength(seqLen: number): TextTask;
}

/**
 * Language modelling of prepared data or of a corpus.
 * @example text({ data: 'data/shakespeare', seqLen: 256 })
 * @throws InvalidConfigError for data that are not there, damaged, or of another hash than the config names.
 */
export const text: TaskFactory<typeof textSchema, TextTask> = defineTask<typeof textSchema, TextTask>({
  name: 'text',
  summary: 'Text of your own files or of a corpus that npm installs: the next token, in nats and bits per byte.',
  schema: textSchema,
  places: ['data'],
  create: ({ data, corpus, tokenizer, seqLen, dataHash }) => {
    const opened = openTextData({ data, corpus, tokenizer });
    if (dataHash !== undefined && dataHash !== opened.hash) {
      throw new InvalidConfigError(
        `text: expected data of the hash ${dataHash}, got ${opened.hash} in ${opened.directory}. They were prepared anew: leave dataHash out, or take the data that it names.`,
      );
    }
    const source = {
      ...(data !== undefined ? { data } : { corpus, tokenizer: tokenizer ?? 'bytes' }),
      dataHash: opened.hash,
    };
    return {
      ...textOf(opened, seqLen, (length) => text({ ...source, seqLen: length })),
      config: { ...source, seqLen },
    };
  },
});

/**
 * The data of a task of text, by its config.
 * @throws InvalidConfigError as {@link text}.
 */
export function openTextData({ data, corpus, tokenizer = 'bytes' }: Partial<z.input<typeof textSchema>>): DataSet {
  return data !== undefined ? openDataSet(data) : openCorpus(corpus!, tokenizer);
}

function textOf(
  data: DataSet,
  seqLen: number,
  atLength: (length: number) => TextTask,
): Omit<TextTask, 'specVersion' | 'name' | 'config'> {
  const { vocabSize, tokenBytes } = data.tokenizer;
  const windowsOf = (split: Split) => Math.max(0, Math.floor((data.tokens(split) - 1) / seqLen));

  /** Examples of windows, by their numbers. */
  function read(split: Split, count: number, windowOf: (example: number) => number): Examples {
    const inputs = new Int32Array(count * seqLen);
    const labels = new Int32Array(count * seqLen);
    for (let example = 0; example < count; example++) {
      const tokens = data.read(split, windowOf(example) * seqLen, seqLen + 1);
      inputs.set(tokens.subarray(0, seqLen), example * seqLen);
      labels.set(tokens.subarray(1), example * seqLen);
    }
    return { count, seqLen, inputs, labels };
  }

  function stream({ seed, first, count }: { readonly seed: number; readonly first: number; readonly count: number }) {
    const windows = windowsOf('train');
    if (windows === 0) throw tooFew('train', 1, 0);
    return read('train', count, (example) => {
      const pass = Math.floor((first + example) / windows);
      return permute((first + example) % windows, windows, foldIn(foldIn(seed, 'text'), pass));
    });
  }

  function tooFew(split: Split, count: number, windows: number): InvalidConfigError {
    return new InvalidConfigError(
      `text.generate: expected at most ${windows} examples of '${split}', ${data.tokens(split)} tokens in windows of ${seqLen}, got ${count}. Ask for fewer, or prepare more text.`,
    );
  }

  return {
    vocabSize,
    seqLen,
    labelsPerExample: seqLen,
    chance: 1 / vocabSize,
    measure: 'likelihood',
    tokenBytes,
    generate({ split, seed, count }) {
      if (split === 'train') return stream({ seed, first: 0, count });
      const windows = windowsOf(split);
      if (count > windows) throw tooFew(split, count, windows);
      return read(split, count, (example) => example);
    },
    stream,
    baselines: (split, count = windowsOf(split)): readonly Baseline[] => splitBaselines(data, split, count * seqLen),
    atLength,
  };
}
