/**
 * Where an experiment comes from: default < preset < file < flag, each overriding the one before. Files and presets may
 * stand on others (`extends`).
 *
 * Objects are merged key by key and arrays replaced. Exceptions: a model is replaced whole, and so is the task when another
 * task is named, since the options of one make no sense in the other; a budget in tokens replaces one in steps, and the other way.
 * Where a config names the models it keeps (`only`), those on top of it may add others.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, extname, isAbsolute, resolve } from 'node:path';
import { InvalidConfigError, isZooError, type TaskFactory } from '@mixerzoo/core';
import { UnknownNameError } from '@mixerzoo/core/errors';
import { ENGINE_CHOICES, engineOfEnvironment, parseConfig } from '@mixerzoo/core/harness';
import * as z from 'zod';
import { importGuarded } from '../guarded-import.js';
import { findPart, matching, type Registry } from '../plugins.js';
import { changedSettings, giveWay } from './alternatives.js';
import { assign } from './assign.js';
import { assertConfigData, isPlain, ownValue, parseYaml } from './config-text.js';
import { type Experiment, type ExperimentConfig, experimentSchema } from './experiment.js';
import { extendModel } from './extend-model.js';
import { importModule } from './import-module.js';
import { nameFromFile } from './names.js';
import { keepOnly } from './only-models.js';
import { readConfigText } from './read-config-text.js';

/** What the command line named; plain data, so that a worker process can resolve the same experiment. */
export interface ExperimentSource {
  /** An experiment that stands in a preset's place; plain data: mixers and tasks by name. */
  readonly inline?: ExperimentConfig | undefined;
  readonly preset?: string | undefined;
  /** Absolute path of a config file. */
  readonly file?: string | undefined;
  /** `path=value` assignments, later ones win; values are YAML. */
  readonly assignments: readonly string[];
}

/** An experiment and the config files it was read from, each on top of the next: their imports are code of its runs. */
export interface LoadedExperiment {
  readonly experiment: Experiment;
  readonly files: readonly string[];
}

/** An experiment, with the keys that were read while it was put together: a slip in one of their names is answered with it. */
const mergedSchema = experimentSchema.extend({
  extends: z.undefined({ error: 'expected none of --set: it is said in a config file' }).optional(),
  only: z.undefined().optional(),
});

const CONFIG_EXTENSIONS = ['.ts', '.mts', '.js', '.mjs', '.yaml', '.yml', '.json'];

/**
 * Tells a preset's name from a config file's path; nothing named means `mixerzoo.config.*` of the directory if there
 * is one, else the preset `quick`.
 * @throws InvalidConfigError if a file is named that is not there, UnknownNameError if it is neither.
 */
export async function parseTarget(
  target: string | undefined,
  cwd: string,
  registry: Registry,
): Promise<Pick<ExperimentSource, 'preset' | 'file'>> {
  if (target === undefined) {
    const file = CONFIG_EXTENSIONS.map((extension) => resolve(cwd, `mixerzoo.config${extension}`)).find(existsSync);
    return file ? { file } : { preset: 'quick' };
  }
  if (matching(registry, 'presets', target).length > 0) return { preset: target };
  const file = resolve(cwd, target);
  if (existsSync(file)) return { file };
  if (CONFIG_EXTENSIONS.includes(extname(target))) {
    throw new InvalidConfigError(`run: expected a config file, got '${target}', which does not exist.`);
  }
  await findPart(registry, 'presets', target); // of a package without the keyword
  return { preset: target };
}

/**
 * Reads, merges and parses an experiment.
 * @throws InvalidConfigError listing every fault, UnknownNameError for an unknown preset.
 */
export async function loadExperiment(source: ExperimentSource, registry: Registry): Promise<LoadedExperiment> {
  const layers = await locateData(await readLayers(source, registry), registry);
  let merged = layers.reduceRight<Record<string, unknown>>((under, { name, config: layer }) => {
    const { extends: _, only, ...config } = layer;
    // What stands in a preset's place may be whole, its defaults filled in.
    const below = layer === source.inline ? under : giveWay(under, config, name);
    return keepOnly(merge(below, config) as Record<string, unknown>, only, `${name}: only`);
  }, {});
  // What changes a preset or a file is another experiment: its runs are its own, and the other's words may not fit it.
  const top = layers[0]?.config;
  if (top) {
    merged['name'] = top.name ?? nameFromFile(layers[0]!.name);
    merged['description'] = top.description ?? '';
  }
  for (const assignment of source.assignments) {
    const assigned = assign(merged, assignment);
    merged = giveWay(assigned, changedSettings(merged, assigned), `--set ${assignment}`);
  }
  const { only, ...unfiltered } = merged;
  merged = keepOnly(unfiltered, only, '--set only');
  const models = merged['models'];
  if (isPlain(models)) {
    const entries = Object.entries(models).filter(([, model]) => model !== null);
    const whole = entries.map(async ([label, model]) => {
      return [label, await extendModel(`models.${label}`, model, registry, merged['learningRates'])] as const;
    });
    merged['models'] = Object.fromEntries(await Promise.all(whole));
  }
  if (merged['engine'] === undefined) merged['engine'] = engineOfEnvironment();
  const where = [...layers.map(({ name }) => name).reverse(), ...(source.assignments.length > 0 ? ['--set'] : [])];
  const experiment = parseConfig(mergedSchema, merged, where.join(' + ') || 'experiment');
  if (!(ENGINE_CHOICES as readonly string[]).includes(experiment.engine)) {
    throw new UnknownNameError('engine', experiment.engine, ENGINE_CHOICES);
  }
  return { experiment, files: layers.filter(({ isFile }) => isFile).map(({ name }) => name) };
}

/** One config of those that an experiment is made of. */
interface Layer {
  /** Path of a file, or name of a preset. */
  readonly name: string;
  readonly isFile: boolean;
  readonly config: ExperimentConfig;
}

/** The configs of a source, each on top of the next: files, then what stands in a preset's place, then presets. */
async function readLayers({ file, inline, preset }: ExperimentSource, registry: Registry): Promise<Layer[]> {
  const layers: Layer[] = [];
  for (let path = file; path !== undefined; path = extendedFile(layers.at(-1)!)) {
    if (layers.some(({ name }) => realpathSync(name) === realpathSync(path!)))
      throw endless([...layers, { name: path }]);
    layers.push({ name: path, isFile: true, config: await readConfigFile(path) });
  }
  const base = layers.at(-1)?.config.extends;
  if (base !== undefined && preset !== undefined && base !== preset) {
    throw new InvalidConfigError(
      `${file}: expected a file on top of the preset '${preset}', got one that extends '${asText(base)}'. Name the file alone.`,
    );
  }
  if (inline) layers.push({ name: inline.name ?? 'experiment', isFile: false, config: inline });
  for (let name = inline?.extends ?? base ?? preset; name !== undefined; name = layers.at(-1)!.config.extends) {
    if (layers.some((layer) => !layer.isFile && layer.name === name)) throw endless([...layers, { name }]);
    layers.push({ name: asText(name), isFile: false, config: await findPreset(asText(name), registry) });
  }
  return layers;
}

/** The layers, where paths of a task's data count from the directory of the file that names them. */
async function locateData(layers: readonly Layer[], registry: Registry): Promise<readonly Layer[]> {
  const places = await placesOf(layers, registry);
  if (places.length === 0) return layers;
  return layers.map((layer) => {
    const { name, isFile, config } = layer;
    if (!isFile) return layer;
    const located = <T>(options: T): T => {
      if (!isPlain(options)) return options;
      const paths = Object.entries(options).filter(([key, value]) => places.includes(key) && typeof value === 'string');
      return {
        ...options,
        ...Object.fromEntries(paths.map(([key, path]) => [key, resolve(dirname(name), `${path}`)])),
      };
    };
    const { task, sweep } = config;
    const lengths = Array.isArray(sweep?.lengths) && { sweep: { ...sweep, lengths: sweep.lengths.map(located) } };
    return { ...layer, config: { ...config, ...(task && { task: located(task) }), ...lengths } };
  });
}

/** Which options of the task are paths; none of a task that is unknown, which is an error where it is made. */
async function placesOf(layers: readonly Layer[], registry: Registry): Promise<readonly string[]> {
  const task = layers.find(({ config }) => config.task?.task !== undefined)?.config.task?.task;
  const found = typeof task === 'string' ? await findPart(registry, 'tasks', task).catch(() => undefined) : undefined;
  return (found?.part ?? (task as Partial<TaskFactory>))?.places ?? [];
}

/** The file that a config file extends; undefined if it extends a preset or nothing. @throws InvalidConfigError */
function extendedFile({ name, config }: Layer): string | undefined {
  const path: unknown = config.extends;
  if (typeof path !== 'string' || !isPath(path)) return undefined;
  const file = resolve(dirname(name), path);
  if (existsSync(file)) return file;
  throw new InvalidConfigError(`${name}: extends: expected a config file, got '${path}', which does not exist.`);
}

const isPath = (text: string) => /^\.\.?[\\/]/.test(text) || isAbsolute(text);

function endless(layers: readonly { readonly name: string }[]): InvalidConfigError {
  const names = layers.map(({ name }) => name);
  return new InvalidConfigError(
    `${names[0]}: extends: expected configs that end, got ${names.join(' -> ')}. Leave out one of these.`,
  );
}

const asText = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));

async function findPreset(name: string, registry: Registry): Promise<ExperimentConfig> {
  try {
    return (await findPart(registry, 'presets', name)).part;
  } catch (error) {
    if (isZooError(error, 'unknown-name') && CONFIG_EXTENSIONS.includes(extname(name))) {
      error.message += isPath(name)
        ? ' A preset is no file, and extends presets alone.'
        : ` A file beside this one is './${name}'.`;
    }
    throw error;
  }
}

async function readConfigFile(path: string): Promise<ExperimentConfig> {
  const extension = extname(path);
  if (!CONFIG_EXTENSIONS.includes(extension)) {
    throw new InvalidConfigError(
      `${path}: expected a config file (${CONFIG_EXTENSIONS.join(', ')}), got '${extension}'.`,
    );
  }
  const isText = /\.(ya?ml|json)$/.test(extension);
  let config: unknown;
  try {
    config = isText ? parseYaml(await readConfigText(path), path) : await importGuarded(path, () => importConfig(path));
    assertConfigData(config, path);
  } catch (error) {
    if (isZooError(error)) throw error;
    throw new InvalidConfigError(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (isPlain(config)) return config as ExperimentConfig;
  throw new InvalidConfigError(
    `${path}: expected an experiment, got ${describeValue(config, isText)}. ` +
      (isText ? 'Write keys and values, `extends: quick` for one.' : 'Write `export default defineExperiment({ … })`.'),
  );
}

function describeValue(value: unknown, isText: boolean): string {
  if (value === undefined || value === null) return isText ? 'an empty file' : 'no default export';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object of a class' : `a ${typeof value}`;
}

const importConfig = async (path: string) => ((await importModule(path)) as { default?: unknown }).default;

/** `over` on top of `under`; see the header for what is merged and what replaced. */
function merge(under: unknown, over: unknown, path: readonly string[] = []): unknown {
  if (over === undefined) return under;
  if (!isPlain(under) || !isPlain(over)) return over;
  if (path[0] === 'models' && path.length === 2) return over;
  if (path[0] === 'task' && over['task'] !== undefined && !isSameTask(over['task'], under['task'])) return over;
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    merged[key] = merge(ownValue(under, key), value, [...path, key]);
  }
  return merged;
}

/** `mqar` may be the preset's `@mixerzoo/tasks#mqar`; tasks of two packages are two. */
function isSameTask(a: unknown, b: unknown): boolean {
  if (typeof a !== 'string' || typeof b !== 'string' || a === b) return a === b;
  return a.endsWith(`#${b}`) || b.endsWith(`#${a}`);
}
