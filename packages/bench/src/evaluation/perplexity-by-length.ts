/** Perplexity of a model by the length of its windows, all lengths on the same tokens. */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidConfigError, type Task } from '@mixerzoo/core';
import { hashConfig } from '@mixerzoo/core/harness';
import { measurePerplexity, type Perplexity } from '@mixerzoo/lm-eval';
import type { Registry } from '../plugins.js';
import { replaceJson } from '../runs/replace-file.js';
import { type Extension, extendModel } from './context-extension.js';
import type { OpenModel } from './open-model.js';

export interface PerplexityOptions {
  /** Ascending. */
  readonly lengths: readonly number[];
  readonly extension: Extension;
  readonly split: 'validation' | 'test';
  /** Tokens to score at each length at most; default: the split. */
  readonly tokens?: number | undefined;
  /** A directory that `mixerzoo data prepare` made; default: the data of the run. */
  readonly data?: string | undefined;
  readonly batchSize?: number | undefined;
  readonly out: string;
  readonly engine: string;
  onProgress(length: number, done: number, total: number): void;
}

const TOKENS_AT_A_TIME = 8192;

/**
 * One result a length. Each is kept in `<out>/perplexity-<id>.json`, and taken from there by the same command.
 * @throws InvalidConfigError where there is no text, or too little of it for a window of the greatest length.
 */
export async function perplexityByLength(
  open: OpenModel,
  registry: Registry,
  options: PerplexityOptions,
): Promise<Perplexity[]> {
  const { lengths, extension, split, out, onProgress } = options;
  const { task, available } = await textOf(open, options);
  const longest = lengths.at(-1) as number;
  const tokens = Math.floor(Math.min(options.tokens ?? available, available) / longest) * longest;
  if (tokens === 0) {
    throw new InvalidConfigError(
      `perplexity: expected ${longest} tokens for a window at least, got ${Math.min(options.tokens ?? available, available)} of '${split}'. ` +
        'Leave the greatest of --lengths out, or prepare more text.',
    );
  }
  await mkdir(out, { recursive: true });
  const results: Perplexity[] = [];
  for (const length of lengths) {
    const count = Math.floor(tokens / length);
    const batchSize = options.batchSize ?? Math.max(1, Math.floor(TOKENS_AT_A_TIME / length));
    const bucket = Math.min(length, open.trainedLength);
    const at = task.atLength(length);
    const decisive = {
      ...open.identity,
      task: at.config,
      length,
      count,
      batchSize,
      bucket,
      extension,
      split,
      engine: options.engine,
    };
    const id = hashConfig(decisive).slice(0, 12);
    const path = join(out, `perplexity-${id}.json`);
    const known = await readKnown(path, id);
    if (known) {
      results.push(known);
      continue;
    }
    const model = await extendModel(open.model, extension, { trained: open.trainedLength, length }, registry);
    const result = await measurePerplexity(model, open.params, at.generate({ split, seed: 0, count }), {
      bucket,
      batchSize,
      tokenBytes: at.tokenBytes,
      onBatch: (done) => onProgress(length, done, count),
    });
    await replaceJson(path, { id, options: decisive, result });
    results.push(result);
  }
  return results;
}

/** A task of the text, and how many tokens of the split it can label. */
async function textOf(open: OpenModel, { data, split }: PerplexityOptions): Promise<{ task: Task; available: number }> {
  const { task } = open;
  if (data === undefined && task?.measure !== 'likelihood') {
    throw new InvalidConfigError(
      task
        ? `perplexity: expected a run of a task that is judged by likelihood, as 'text' is, got one of '${task.name}'. Name text: --data perplexity=<directory>.`
        : 'perplexity: expected text to score, got none. Prepare some with `mixerzoo data prepare`, and name it: --data perplexity=<directory>.',
    );
  }
  const { openTextData, text } = await import('@mixerzoo/text');
  if (data === undefined && task!.name !== 'text') return { task: task!, available: Number.POSITIVE_INFINITY };
  const config = data === undefined ? { ...task!.config, ...task!.places } : { data };
  const opened = openTextData(config);
  if (data !== undefined) await assertSameTokens(open, opened, data);
  const made = data === undefined ? task! : text({ data, seqLen: open.trainedLength });
  return { task: made, available: opened.tokens(split) - 1 };
}

/** @throws InvalidConfigError where the tokens of the data are not those of the model. */
async function assertSameTokens(
  open: OpenModel,
  data: {
    readonly tokenizer: { readonly hash: string; readonly vocabSize: number; decode(ids: ArrayLike<number>): string };
    read(split: 'test', start: number, length: number): Int32Array;
    tokens(split: 'test'): number;
  },
  directory: string,
): Promise<void> {
  const own = await open.tokenizer();
  if (own.hash === data.tokenizer.hash) return;
  const sample = data.read('test', 0, Math.min(1000, data.tokens('test')));
  const text = data.tokenizer.decode(sample);
  if (data.tokenizer.vocabSize <= open.model.vocabSize && own.encode(text).join() === sample.join()) return;
  throw new InvalidConfigError(
    `${directory}: expected text in the tokens of ${open.directory}, got those of another tokenizer. Prepare it with the model's: mixerzoo data prepare … --tokenizer <its tokenizer.json>.`,
  );
}

/** A damaged record is made anew. */
async function readKnown(path: string, id: string): Promise<Perplexity | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const json = JSON.parse(await readFile(path, 'utf8')) as { id?: unknown; result?: Perplexity };
    return json.id === id ? json.result : undefined;
  } catch {
    return undefined;
  }
}
