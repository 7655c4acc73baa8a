/** A trained model by where it lies: a run's directory, or one of weights as Hugging Face has them. */
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import {
  disposeTree,
  hasCheckpoint,
  InvalidConfigError,
  type LanguageModel,
  type LanguageModelParams,
  type Task,
} from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import { hashConfig } from '@mixerzoo/core/harness';
import type { Tokenizer } from '@mixerzoo/text';
import { loadExperiment, parseTarget } from '../experiment/experiment-source.js';
import { type PlannedRun, resolveRuns } from '../experiment/resolve-runs.js';
import type { Registry } from '../plugins.js';
import { locateTask } from '../runs/places.js';
import { findRunDirectories } from '../runs/read-results.js';
import { CONFIG, readIfThere, readRecord } from '../runs/records.js';
import type { RunConfig } from '../runs/run-config.js';
import { hashOfCheckpoint, openCheckpoint, readParams, USUAL_LENGTH } from './open-checkpoint.js';
import { isOwnFile, rebuildRun } from './rebuild-model.js';

/** A model with its parameters on the current engine. */
export interface OpenModel {
  /** The directory. */
  readonly directory: string;
  readonly label: string;
  readonly model: LanguageModel;
  readonly params: LanguageModelParams;
  /** Tokens it was trained at, or made for. */
  readonly trainedLength: number;
  /** What it was trained on; absent of weights from elsewhere, and of a checkpoint that is of no run. */
  readonly task?: Task;
  /** JSON that tells these weights from any others. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** @throws InvalidConfigError where the model is not of text, has no tokenizer beside it, or one of more tokens than it knows. */
  tokenizer(): Promise<Tokenizer>;
  dispose(): void;
}

/** Of a run, in its directory. */
const CHECKPOINT = 'checkpoint';

/**
 * Opens a run with a checkpoint, finished or not, its checkpoint or that of a trainer, or a directory with `config.json` and
 * `model.safetensors`.
 * @param experiment - the config that a run came from, for parts of the config's own files; default: the run's record suffices.
 * @throws InvalidConfigError, CheckpointError, UnknownNameError that say what is there in its place.
 */
export async function openModel(target: string, registry: Registry, experiment?: string): Promise<OpenModel> {
  const directory = resolve(target);
  const text = await readIfThere(join(directory, CONFIG.file));
  if (text === undefined) {
    if (!(await hasCheckpoint(directory))) throw new InvalidConfigError(await describeMissing(target, directory));
    const isOfRun = basename(directory) === CHECKPOINT && existsSync(join(directory, '..', CONFIG.file));
    return isOfRun ? openRun(dirname(directory), registry, experiment) : openCheckpoint(directory, registry);
  }
  return isHuggingFace(text) ? openPretrained(directory) : openRun(directory, registry, experiment);
}

async function openRun(directory: string, registry: Registry, experiment: string | undefined): Promise<OpenModel> {
  const config = await readRecord(CONFIG, directory);
  if (!config) throw new CheckpointError(`${directory}: expected ${CONFIG.file}, got none.`);
  const checkpoint = join(directory, CHECKPOINT);
  if (!(await hasCheckpoint(checkpoint))) {
    throw new CheckpointError(
      `${directory}: expected a checkpoint, got none yet. Go on with \`mixerzoo run\` until its first one.`,
    );
  }
  const { task, model } = experiment
    ? await runOfExperiment(experiment, config, registry)
    : await rebuildRun({ ...config, task: locateTask(config.task, directory) }, registry);
  const params = await readParams(checkpoint);
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

/** Task and model of a run as its experiment makes them. @throws InvalidConfigError where it makes another. */
async function runOfExperiment(file: string, config: RunConfig, registry: Registry): Promise<PlannedRun> {
  const source = await parseTarget(file, process.cwd(), registry);
  const runs = await resolveRuns(await loadExperiment({ ...source, assignments: [] }, registry), registry);
  const run = runs.find((one) => hashOfParts(one.config) === hashOfParts(config));
  if (run) return run;
  throw new InvalidConfigError(
    `${file}: expected the config that gave '${config.label}' of ${config.experiment}, got one of other models or other code. ` +
      'Give config and code as they were when it was trained.',
  );
}

/** What makes task and model, with the code of the config's own files. */
function hashOfParts({ task: { places: _places, ...task }, model, layers, code }: RunConfig): string {
  const own = Object.fromEntries(Object.entries(code).filter(([from]) => isOwnFile(from)));
  return hashConfig({ task, model, layers, own });
}

/** The tokenizer of a task of text. @throws InvalidConfigError for any other task. */
async function tokenizerOfTask({ name, config, places }: Task): Promise<Tokenizer> {
  if (name !== 'text') {
    throw new InvalidConfigError(
      `${name}: expected a run of the task 'text', whose tokens are of texts, got one of '${name}'. Train one: \`mixerzoo data prepare\`, then \`mixerzoo run\`.`,
    );
  }
  const { openTextData } = await import('@mixerzoo/text');
  return openTextData({ ...config, ...places }).tokenizer;
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
      const tokenizer = await readTokenizer(directory, tokenizerFile);
      if (tokenizer.vocabSize <= model.vocabSize) return tokenizer;
      throw new InvalidConfigError(
        `${tokenizerFile}: expected a tokenizer of at most ${model.vocabSize} tokens, got one of ${tokenizer.vocabSize}. Put that of the model there.`,
      );
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

/** With the tokens that begin and end a text as `tokenizer_config.json` has them; one that ends it also by the id in `config.json`. */
async function readTokenizer(directory: string, file: string): Promise<Tokenizer> {
  const { parseTokenizer } = await import('@mixerzoo/text');
  const { bos_token: bos, eos_token: eos } = await readJson(join(directory, 'tokenizer_config.json'));
  const { eos_token_id: ids } = await readJson(join(directory, CONFIG.file));
  const [id] = [ids].flat();
  const endOfText = textOf(eos) ?? (typeof id === 'number' ? id : undefined);
  const tokenizer = parseTokenizer(await readJson(file), { endOfText });
  const begin = textOf(bos);
  const [first, ...rest] = begin === undefined ? [] : tokenizer.encode(begin);
  if (first === undefined || rest.length > 0) return tokenizer;
  return Object.create(tokenizer, { bos: { value: first, enumerable: true } }) as Tokenizer; // whose getters stay lazy
}

/** A token of `tokenizer_config.json`: its text, or an object that has it. */
function textOf(token: unknown): string | undefined {
  if (isObject(token)) return textOf(token['content']);
  return typeof token === 'string' ? token : undefined;
}

/** Nothing of a file that is not there. @throws InvalidConfigError for one that holds no object. */
async function readJson(file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readIfThere(file);
  if (text === undefined) return {};
  const json = parseObject(text);
  if (json) return json;
  throw new InvalidConfigError(
    `${file}: expected a JSON object, got ${text.length} characters of no such. Download it again.`,
  );
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json = JSON.parse(text) as unknown;
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** What is neither as a run's record says what is wrong. */
function isHuggingFace(text: string): boolean {
  const json = parseObject(text);
  return json !== undefined && ('model_type' in json || 'architectures' in json);
}

async function describeMissing(target: string, directory: string): Promise<string> {
  if (!existsSync(directory)) return `${target}: expected a run's directory or one of weights, got no such directory.`;
  const runs = await findRunDirectories(directory, () => {}).catch(() => []);
  const some = runs.slice(0, 3).join(', ');
  return runs.length === 0
    ? `${target}: expected a run's directory, or config.json and model.safetensors, got neither. Give one that \`mixerzoo run\` made, or weights.`
    : `${target}: expected one run's directory, got one of ${runs.length} runs. Name one of them: ${some}${runs.length > 3 ? ', …' : ''}.`;
}
