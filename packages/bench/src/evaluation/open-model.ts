/** A trained model by where it lies: a run's directory, or one of weights as Hugging Face has them. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  disposeTree,
  hasCheckpoint,
  InvalidConfigError,
  type LanguageModel,
  type LanguageModelParams,
  readCheckpoint,
  type Task,
  tf,
  unflattenTree,
} from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import { hashConfig } from '@mixerzoo/core/harness';
import type { Tokenizer } from '@mixerzoo/text';
import type { Registry } from '../plugins.js';
import { findRunDirectories } from '../runs/read-results.js';
import { CONFIG, readIfThere, readRecord } from '../runs/records.js';
import { modelOfRun, taskOfRun } from './rebuild-model.js';

/** A model with its parameters on the current engine. */
export interface OpenModel {
  /** The directory. */
  readonly directory: string;
  readonly label: string;
  readonly model: LanguageModel;
  readonly params: LanguageModelParams;
  /** Tokens it was trained at, or made for. */
  readonly trainedLength: number;
  /** What it was trained on; absent of weights from elsewhere. */
  readonly task?: Task;
  /** JSON that tells these weights from any others. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** @throws InvalidConfigError where the model is not of text, or has no tokenizer beside it. */
  tokenizer(): Promise<Tokenizer>;
  dispose(): void;
}

/** Of weights that do not say for how many tokens they were made. */
const USUAL_LENGTH = 2048;

/**
 * Opens a run with a checkpoint, finished or not, or a directory with `config.json` and `model.safetensors`.
 * @throws InvalidConfigError, CheckpointError, UnknownNameError that say what is there in its place.
 */
export async function openModel(target: string, registry: Registry): Promise<OpenModel> {
  const directory = resolve(target);
  const text = await readIfThere(join(directory, CONFIG.file));
  if (text === undefined) throw new InvalidConfigError(await describeMissing(target, directory));
  return isHuggingFace(text) ? openPretrained(directory) : openRun(directory, registry);
}

async function openRun(directory: string, registry: Registry): Promise<OpenModel> {
  const config = await readRecord(CONFIG, directory);
  if (!config) throw new CheckpointError(`${directory}: expected ${CONFIG.file}, got none.`);
  const checkpoint = join(directory, 'checkpoint');
  if (!(await hasCheckpoint(checkpoint))) {
    throw new CheckpointError(
      `${directory}: expected a checkpoint, got none yet. Go on with \`mixerzoo run\` until its first one.`,
    );
  }
  const task = await taskOfRun(config, registry);
  const model = await modelOfRun(config, task.vocabSize, registry);
  const { tensors } = await readCheckpoint(checkpoint);
  const prefix = 'params.';
  const stored = [...tensors].filter(([name]) => name.startsWith(prefix));
  const params = unflattenTree<LanguageModelParams>(
    stored.map(([name, { data, shape }]) => [name.slice(prefix.length), tf.tensor(data as Float32Array, [...shape])]),
  );
  return {
    directory,
    label: config.label,
    model,
    params,
    trainedLength: task.seqLen,
    task,
    identity: { run: config.id, weights: await hashOfCheckpoint(checkpoint) },
    tokenizer: () => tokenizerOfTask(task),
    dispose: () => disposeTree(params),
  };
}

/** The tokenizer of a task of text. @throws InvalidConfigError for any other task. */
async function tokenizerOfTask({ name, config }: Task): Promise<Tokenizer> {
  if (name !== 'text') {
    throw new InvalidConfigError(
      `${name}: expected a run of the task 'text', whose tokens are of texts, got one of '${name}'. Train one: \`mixerzoo data prepare\`, then \`mixerzoo run\`.`,
    );
  }
  const { openTextData } = await import('@mixerzoo/text');
  return openTextData(config).tokenizer;
}

/** A checkpoint's own hash of all it holds, which was verified when it was read. */
async function hashOfCheckpoint(directory: string): Promise<string> {
  const { sha256 } = JSON.parse(await readFile(join(directory, 'checkpoint.json'), 'utf8')) as { sha256: string };
  return sha256;
}

async function openPretrained(directory: string): Promise<OpenModel> {
  const { loadPretrained } = await import('@mixerzoo/language-models');
  const { model, params, about, tokenizerFile } = await loadPretrained(directory);
  return {
    directory,
    label: about.family,
    model,
    params,
    trainedLength: about.maxLength ?? USUAL_LENGTH,
    identity: { directory, model: hashConfig(model.config), weights: await hashOfFiles(directory) },
    async tokenizer() {
      if (tokenizerFile === undefined) {
        throw new InvalidConfigError(
          `${directory}: expected tokenizer.json beside the weights, got none. Put that of the model there.`,
        );
      }
      return readTokenizer(directory, tokenizerFile);
    },
    dispose: () => disposeTree(params),
  };
}

/** Sizes and times of the weights' files: to read gigabytes twice for a name would be too dear. */
async function hashOfFiles(directory: string): Promise<string> {
  const { readdir, stat } = await import('node:fs/promises');
  const names = (await readdir(directory)).filter((name) => name.endsWith('.safetensors')).sort();
  const stats = await Promise.all(names.map((name) => stat(join(directory, name))));
  return hashConfig(names.map((name, index) => [name, stats[index]!.size, stats[index]!.mtimeMs]));
}

/** With the tokens that begin and end a text as `tokenizer_config.json` has them. */
async function readTokenizer(directory: string, file: string): Promise<Tokenizer> {
  const { parseTokenizer } = await import('@mixerzoo/text');
  const named = await readIfThere(join(directory, 'tokenizer_config.json'));
  const { bos_token: bos, eos_token: eos } = (named === undefined ? {} : JSON.parse(named)) as Record<string, unknown>;
  const textOf = (token: unknown) =>
    typeof token === 'string'
      ? token
      : isObject(token) && typeof token['content'] === 'string'
        ? token['content']
        : undefined;
  const tokenizer = parseTokenizer(JSON.parse(await readFile(file, 'utf8')), { endOfText: textOf(eos) });
  const begin = textOf(bos);
  const [id, ...rest] = begin === undefined ? [] : tokenizer.encode(begin);
  if (id === undefined || rest.length > 0) return tokenizer;
  return Object.create(tokenizer, { bos: { value: id, enumerable: true } }) as Tokenizer; // whose getters stay lazy
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function isHuggingFace(text: string): boolean {
  try {
    const json = JSON.parse(text) as unknown;
    return isObject(json) && ('model_type' in json || 'architectures' in json);
  } catch {
    return false; // as a run's record it says what is wrong
  }
}

async function describeMissing(target: string, directory: string): Promise<string> {
  if (!existsSync(directory)) return `${target}: expected a run's directory or one of weights, got no such directory.`;
  const runs = await findRunDirectories(directory, () => {}).catch(() => []);
  const some = runs.slice(0, 3).join(', ');
  return runs.length === 0
    ? `${target}: expected a run's directory, or config.json and model.safetensors, got neither. Give one that \`mixerzoo run\` made, or weights.`
    : `${target}: expected one run's directory, got one of ${runs.length} runs. Name one of them: ${some}${runs.length > 3 ? ', …' : ''}.`;
}
