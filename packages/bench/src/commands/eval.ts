/** `mixerzoo eval`: a trained model on the field's tasks, and its perplexity by length. */
import { join, resolve } from 'node:path';
import { type EngineChoice, InvalidConfigError, useEngine } from '@mixerzoo/core';
import {
  createModelScorer,
  evalTask,
  evalTasks,
  evaluateTasks,
  formatTable,
  type Perplexity,
  type TaskSummary,
  toHarnessJson,
} from '@mixerzoo/lm-eval';
import { parseExtension } from '../evaluation/context-extension.js';
import { createEvalView } from '../evaluation/eval-progress.js';
import { type OpenModel, openModel } from '../evaluation/open-model.js';
import { perplexityByLength } from '../evaluation/perplexity-by-length.js';
import { exclusively } from '../runs/lease.js';
import { replaceJson } from '../runs/replace-file.js';
import { assertWritable } from '../runs/run-experiment.js';
import { print, printJson } from '../terminal.js';
import { findPlugins } from './find-plugins.js';
import { parseCount, parseList } from './flags.js';

export interface EvalFlags {
  readonly tasks?: readonly string[];
  readonly data?: readonly string[];
  readonly limit?: readonly string[];
  readonly maxLength?: readonly string[];
  readonly batchSize?: readonly string[];
  readonly out?: readonly string[];
  readonly config?: readonly string[];
  readonly engine?: readonly string[];
  readonly lengths?: readonly string[];
  readonly extend?: readonly string[];
  readonly split?: readonly string[];
  readonly tokens?: readonly string[];
  readonly addBos?: boolean;
  readonly json?: boolean;
}

/** The evaluation that is none of the harness's. */
const PERPLEXITY = 'perplexity';
const TASK_NAMES: readonly string[] = [...evalTasks.map(({ name }) => name), PERPLEXITY];

/** @returns the exit code. @throws InvalidConfigError, UnknownNameError, CheckpointError */
export async function evaluateModel(target: string, flags: EvalFlags): Promise<number> {
  const names = parseList(flags.tasks);
  if (names.length === 0) {
    throw new InvalidConfigError(`eval: expected --tasks, got none. There are: ${TASK_NAMES.join(', ')}.`);
  }
  const tasks = names.filter((name) => name !== PERPLEXITY).map(evalTask);
  const placeOf = parsePlaces(flags.data);
  for (const { name } of tasks) placeOf(name); // before a model is loaded
  const [limit, batchSize] = [parseCount(flags, 'limit'), parseCount(flags, 'batchSize')];
  const extension = parseExtension(flags.extend?.at(-1));
  const split = parseSplit(flags.split?.at(-1));
  const registry = await findPlugins(process.cwd());
  const engine = await useEngine(flags.engine?.at(-1) as EngineChoice | undefined);
  const open = await openModel(target, registry, flags.config?.at(-1));
  const out = resolve(flags.out?.at(-1) ?? join(open.directory, 'eval'));
  const maxLength = parseCount(flags, 'maxLength') ?? open.trainedLength;
  await assertWritable(out);
  const view = createEvalView(process.stderr);
  try {
    return await exclusively([out], async () => {
      const summaries = tasks.length === 0 ? [] : await evaluateTexts(open);
      const perplexities = names.includes(PERPLEXITY) ? await measure(open) : [];
      view.close();
      const config = {
        model: open.label,
        directory: open.directory,
        maxLength,
        addBos: flags.addBos ?? false,
        limit: limit ?? null,
        engine: engine.name,
      };
      const results = {
        ...toHarnessJson(summaries, config),
        ...(perplexities.length > 0 && { perplexity: perplexities }),
      };
      await replaceJson(join(out, 'results.json'), results);
      if (flags.json) printJson(results);
      else printResults(open.label, summaries, perplexities, out);
      return 0;
    });
  } finally {
    view.close();
    open.dispose();
  }

  async function evaluateTexts({ model, params, identity, tokenizer }: OpenModel): Promise<TaskSummary[]> {
    const encoder = await tokenizer();
    return evaluateTasks({
      tasks,
      place: placeOf,
      out,
      limit,
      tokenizer: encoder,
      score: createModelScorer(model, params),
      maxLength,
      addBos: flags.addBos,
      batchSize,
      identity: { ...identity, tokenizer: encoder.hash, engine: engine.description },
      onProgress: ({ task, done, total, what }) => view.update(task, done, total, what),
    });
  }

  function measure(opened: OpenModel): Promise<Perplexity[]> {
    const lengths = parseLengths(flags.lengths) ?? [opened.trainedLength];
    return perplexityByLength(opened, registry, {
      lengths,
      extension,
      split,
      tokens: parseCount(flags, 'tokens'),
      data: placeOf(PERPLEXITY, opened.task === undefined),
      batchSize,
      out,
      engine: engine.description,
      onProgress: (length, done, total) => view.update(`perplexity at ${length}`, done, total, 'windows'),
    });
  }

  /** Places by task: `--data piqa=<file>`, and `--data <directory>` for all others. */
  function parsePlaces(values: readonly string[] = []) {
    const named = new Map<string, string>();
    let rest: string | undefined;
    for (const value of values) {
      const [, name, path] = /^([a-z_]+)=(.+)$/.exec(value) ?? [];
      if (name !== undefined && TASK_NAMES.includes(name)) named.set(name, resolve(path as string));
      else rest = resolve(value);
    }
    function place(name: string): string;
    function place(name: string, required: boolean): string | undefined;
    function place(name: string, required = true): string | undefined {
      const found = named.get(name) ?? (required ? rest : undefined);
      if (found !== undefined || !required || name === PERPLEXITY) return found;
      throw new InvalidConfigError(
        `eval: expected --data <directory> with the data of ${name}, got none. Name a directory, or a file: --data ${name}=<file>.`,
      );
    }
    return place;
  }
}

function parseSplit(text = 'test'): 'validation' | 'test' {
  if (text === 'validation' || text === 'test') return text;
  throw new InvalidConfigError(`--split: expected validation or test, got '${text}'.`);
}

function parseLengths(values: readonly string[] | undefined): number[] | undefined {
  if (values === undefined) return undefined;
  const lengths = parseList(values).map(Number);
  const odd = lengths.find((length) => !Number.isSafeInteger(length) || length < 1);
  if (odd !== undefined || lengths.length === 0) {
    throw new InvalidConfigError(`--lengths: expected whole numbers from 1, as 256,512,1024, got ${values.join(',')}.`);
  }
  return [...new Set(lengths)].sort((a, b) => a - b);
}

function printResults(
  label: string,
  summaries: readonly TaskSummary[],
  perplexities: readonly Perplexity[],
  out: string,
): void {
  print(label);
  if (summaries.length > 0) print(formatTable(summaries));
  const part = summaries.find(({ scored, documents }) => scored < documents);
  if (part)
    print(`The first ${part.scored} of ${part.documents} documents of ${part.task}: --limit. Not to be compared.`);
  if (perplexities.length > 0) print(formatPerplexities(perplexities));
  print(join(out, 'results.json'));
}

/** Markdown; the last column is the loss's part that shows a rise: at the windows' end. */
function formatPerplexities(perplexities: readonly Perplexity[]): string {
  const rows = perplexities.map(({ length, windows, loss, stderr, perplexity, bitsPerByte, positions }) => {
    const last = positions.at(-1);
    return [
      String(length),
      String(windows),
      `${loss.toFixed(4)}${stderr === null ? '' : ` ± ${(1.96 * stderr).toFixed(4)}`}`,
      perplexity.toFixed(3),
      bitsPerByte === null ? '' : bitsPerByte.toFixed(4),
      last ? `${last.perplexity.toFixed(3)} (${last.from} - ${last.to})` : '',
    ];
  });
  const headers = ['length', 'windows', 'nats per token', 'perplexity', 'bits per byte', 'perplexity at the end'];
  return [headers, headers.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
