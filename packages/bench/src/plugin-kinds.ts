/**
 * The kinds of parts that a plugin brings, by its lists: how messages call one, what its name is, and what one has to be.
 */
import {
  type ChannelMixerFactory,
  InvalidConfigError,
  type MixerFactory,
  type ModelPreset,
  type NormFactory,
  type Plugin,
  type TaskFactory,
} from '@mixerzoo/core';
import { parseConfig } from '@mixerzoo/core/harness';
import { assertData, isPlain } from './experiment/config-text.js';
import { type Preset, recipeSchema } from './experiment/experiment.js';
import { nameFault } from './experiment/names.js';
import { assertFigure, type Figure } from './figures/figure.js';

/** What the entries of each list are. */
export interface Parts {
  readonly mixers: MixerFactory;
  readonly tasks: TaskFactory;
  readonly channelMixers: ChannelMixerFactory;
  readonly norms: NormFactory;
  readonly models: ModelPreset;
  readonly presets: Preset;
  readonly figures: Figure;
}

export type Kind = keyof Parts;

interface PartKind {
  /** `channel mixer`, in messages. */
  readonly word: string;
  /** The function that makes one. */
  readonly madeBy: string;
  /** The key that holds its name. */
  readonly nameKey: string;
  /** @throws InvalidConfigError for what has a name and is none all the same. */
  check?(part: never, where: string): void;
}

export const KINDS: Readonly<Record<Kind, PartKind>> = {
  mixers: { word: 'mixer', madeBy: 'defineMixer', nameKey: 'mixerName' },
  tasks: { word: 'task', madeBy: 'defineTask', nameKey: 'taskName' },
  channelMixers: { word: 'channel mixer', madeBy: 'defineChannelMixer', nameKey: 'channelMixerName' },
  norms: { word: 'norm', madeBy: 'defineNorm', nameKey: 'normName' },
  models: { word: 'model', madeBy: 'defineModel', nameKey: 'name', check: assertModel },
  presets: { word: 'preset', madeBy: 'defineExperiment', nameKey: 'name', check: assertPreset },
  figures: { word: 'figure', madeBy: 'defineFigure', nameKey: 'id', check: assertNamedFigure },
};

const ALL = Object.keys(KINDS) as readonly Kind[];

/** A value for each kind. */
export function byKind<T>(make: (kind: Kind) => T): Record<Kind, T> {
  return Object.fromEntries(ALL.map((kind) => [kind, make(kind)])) as Record<Kind, T>;
}

/** The name of a part. */
export function nameOf(kind: Kind, part: object): string {
  return Reflect.get(part, KINDS[kind].nameKey) as string;
}

/** The parts of one kind; a plugin of an older core lacks the lists of newer kinds. */
export function partsOf<K extends Kind>(plugin: Plugin, kind: K): readonly Parts[K][] {
  return (plugin[kind] ?? []) as readonly unknown[] as readonly Parts[K][];
}

/** @throws InvalidConfigError if the lists of a package's plugin hold something else than they should. */
export function assertPlugin(plugin: Plugin, packageName: string): void {
  for (const kind of ALL) {
    const { word, madeBy, check } = KINDS[kind];
    const parts: unknown = plugin[kind] ?? [];
    if (!Array.isArray(parts) || !parts.every((part) => isNamed(kind, part))) {
      throw new InvalidConfigError(
        `${packageName}: expected a list of ${word}s as its plugin's ${kind}, got something else. ` +
          `Write \`definePlugin({ ${kind}: [mine] })\`, with what ${madeBy} returns.`,
      );
    }
    const names = parts.map((part: object) => nameOf(kind, part));
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      throw new InvalidConfigError(`${packageName}: expected ${word}s of different names, got two of '${twice}'.`);
    }
    for (const part of parts) check?.(part as never, `${packageName}: ${word} '${nameOf(kind, part)}'`);
  }
}

/** True for a factory, or for data with a name. */
function isNamed(kind: Kind, part: unknown): boolean {
  const type = KINDS[kind].check ? 'object' : 'function';
  return part !== null && typeof part === type && typeof nameOf(kind, part as object) === 'string';
}

function assertModel(model: ModelPreset, where: string): void {
  assertData(model, where);
  const { vocabSize = 1, layers, nLayers, model: backbone, learningRates, train, source } = model;
  if (![vocabSize, nLayers].every(Number.isInteger) || !Array.isArray(layers) || !isPlain(backbone)) {
    throw new InvalidConfigError(
      `${where}: expected summary, layers, nLayers and model, and vocabSize where it has one, got ${Object.keys(model).join(', ')}.`,
    );
  }
  if (isPlain(train) && 'learningRate' in train) {
    throw new InvalidConfigError(
      `${where}: train: expected what its runs are trained with, got a learningRate. Rates to try go under learningRates; how its authors trained it, to be read, under pretraining.`,
    );
  }
  parseConfig(recipeSchema, { learningRates, train, source }, where);
}

function assertPreset(preset: Preset, where: string): void {
  assertDirectoryName(preset.name, where);
  assertData(preset, where);
}

function assertNamedFigure(figure: Figure, where: string): void {
  assertDirectoryName(figure.id, where);
  assertFigure(figure, where);
}

function assertDirectoryName(name: string, where: string): void {
  const fault = nameFault(name);
  if (fault !== undefined) throw new InvalidConfigError(`${where}: ${fault}, got '${name}'.`);
}
