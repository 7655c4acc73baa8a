/**
 * Where an experiment comes from: default < preset < file < flag, each overriding the one before.
 *
 * Objects are merged key by key and arrays replaced. Two exceptions: a model is replaced whole, and so is the task
 * when another task is named, since the options of one make no sense in the other.
 */
import { existsSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import {
  ENGINE_CHOICES,
  engineOfEnvironment,
  InvalidConfigError,
  isZooError,
  parseConfig,
  UnknownNameError,
} from '@mixerzoo/core';
import { importGuarded } from '../guarded-import.js';
import { presets } from '../presets/index.js';
import { assign } from './assign.js';
import { assertConfigData, isPlain, ownValue, parseYaml, readConfigText } from './config-text.js';
import { type Experiment, type ExperimentConfig, experimentSchema } from './experiment.js';
import { importModule } from './import-module.js';
import { nameFromFile } from './names.js';

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

const CONFIG_EXTENSIONS = ['.ts', '.mts', '.js', '.mjs', '.yaml', '.yml', '.json'];

/**
 * Tells a preset's name from a config file's path; nothing named means `mixerzoo.config.*` of the directory if there
 * is one, else the preset `quick`.
 * @throws InvalidConfigError if a file is named that is not there, UnknownNameError if it is neither.
 */
export function parseTarget(target: string | undefined, cwd: string): Pick<ExperimentSource, 'preset' | 'file'> {
  if (target === undefined) {
    const file = CONFIG_EXTENSIONS.map((extension) => resolve(cwd, `mixerzoo.config${extension}`)).find(existsSync);
    return file ? { file } : { preset: 'quick' };
  }
  if (Object.hasOwn(presets, target)) return { preset: target };
  const file = resolve(cwd, target);
  if (existsSync(file)) return { file };
  if (CONFIG_EXTENSIONS.includes(extname(target))) {
    throw new InvalidConfigError(`run: expected a config file, got '${target}', which does not exist.`);
  }
  throw new UnknownNameError('preset', target, Object.keys(presets));
}

/**
 * Reads, merges and parses an experiment.
 * @throws InvalidConfigError listing every fault, UnknownNameError for an unknown preset.
 */
export async function loadExperiment(source: ExperimentSource): Promise<Experiment> {
  const { extends: extended, ...file } = source.file ? await readConfigFile(source.file) : ({} as ExperimentConfig);
  const base = typeof extended === 'object' ? JSON.stringify(extended) : extended;
  if (base !== undefined && source.preset !== undefined && base !== source.preset) {
    throw new InvalidConfigError(
      `${source.file}: expected a file on top of the preset '${source.preset}', got one that extends '${base}'. Name the file alone.`,
    );
  }
  const presetName = source.preset ?? base;
  const preset = source.inline ?? (presetName === undefined ? {} : findPreset(presetName));
  let merged = merge(preset, file) as Record<string, unknown>;
  if (source.file) {
    // A changed preset is another experiment: its runs are its own, and the preset's words may not fit it.
    merged['name'] = file.name ?? nameFromFile(source.file);
    merged['description'] = file.description ?? '';
  }
  for (const assignment of source.assignments) merged = assign(merged, assignment);
  const models = merged['models'];
  if (isPlain(models)) {
    merged['models'] = Object.fromEntries(Object.entries(models).filter(([, model]) => model !== null));
  }
  if (merged['engine'] === undefined) merged['engine'] = engineOfEnvironment();
  const where = [source.inline?.name ?? presetName, source.file, source.assignments.length > 0 ? '--set' : undefined];
  const experiment = parseConfig(experimentSchema, merged, where.filter(Boolean).join(' + ') || 'experiment');
  if (!(ENGINE_CHOICES as readonly string[]).includes(experiment.engine)) {
    throw new UnknownNameError('engine', experiment.engine, ENGINE_CHOICES);
  }
  return experiment;
}

function findPreset(given: unknown): ExperimentConfig {
  const name = String(given);
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (!preset) throw new UnknownNameError('preset', name, Object.keys(presets));
  return preset;
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
