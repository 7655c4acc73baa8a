/** What the parts of a plugin have to be. */
import { InvalidConfigError, type ModelPreset, type Plugin } from '@mixerzoo/core';
import { parseConfig } from '@mixerzoo/core/harness';
import { isPlain } from './experiment/config-text.js';
import { type Preset, recipeSchema } from './experiment/experiment.js';
import { nameFault } from './experiment/name-fault.js';
import { assertData } from './experiment/plain-data.js';
import { assertFigure, type Figure } from './figures/figure.js';
import { KINDS, type Kind, makerOf, nameOf, wordOf } from './part-kinds.js';

/** What is checked of a kind besides its name. */
const CHECKS: Readonly<Partial<Record<Kind, (part: never, where: string) => void>>> = {
  models: assertModel,
  presets: assertPreset,
  figures: assertNamedFigure,
};

/** @throws InvalidConfigError if the lists of a package's plugin hold something else than they should. */
export function assertPlugin(plugin: Plugin, packageName: string): void {
  for (const kind of KINDS) {
    const word = wordOf(kind);
    const parts: unknown = plugin[kind] ?? [];
    if (!Array.isArray(parts) || !parts.every((part) => isNamed(kind, part))) {
      throw new InvalidConfigError(
        `${packageName}: expected a list of ${word}s as its plugin's ${kind}, got something else. ` +
          `Write \`definePlugin({ ${kind}: [mine] })\`, with what ${makerOf(kind)} returns.`,
      );
    }
    const names = parts.map((part: object) => nameOf(kind, part));
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      throw new InvalidConfigError(`${packageName}: expected ${word}s of different names, got two of '${twice}'.`);
    }
    for (const part of parts) CHECKS[kind]?.(part as never, `${packageName}: ${word} '${nameOf(kind, part)}'`);
  }
}

/** True for a factory, or for data with a name. */
function isNamed(kind: Kind, part: unknown): boolean {
  const type = CHECKS[kind] ? 'object' : 'function';
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
