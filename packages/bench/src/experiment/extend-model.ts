/** Models that stand on one of a plugin: `models: { Mine: { extends: 'pythia-14m', nLayers: 4 } }`. */
import { InvalidConfigError, type ModelPreset } from '@mixerzoo/core';
import { findPart, type Registry } from '../find-part.js';
import { listWords } from '../report/format.js';
import { isPlain } from './config-text.js';
import { BUDGET_KEYS } from './experiment.js';
import { defined, prefix } from './resolve-parts.js';

/**
 * A model of an experiment, in full. Rates to try are its own, else the experiment's, else those of the model it stands on; all else
 * that it does not say itself is that one's.
 * @param where - `models.Mine`
 * @param experimentRates - those that the experiment names, if it does.
 * @throws InvalidConfigError, UnknownNameError that begin with `where`.
 */
export async function extendModel(
  where: string,
  given: unknown,
  registry: Registry,
  experimentRates?: unknown,
): Promise<unknown> {
  if (!isPlain(given)) return given;
  const { extends: name, mixer, ...own } = given;
  assertNoBudget(where, own['train']);
  if (name === undefined) {
    if (mixer !== undefined) {
      throw new InvalidConfigError(
        `${where}: expected mixer beside extends, got it alone. Write options into the layers: layers: [{ mixer: cat, nHeads: 4 }].`,
      );
    }
    if (own['layers'] !== undefined) return given;
    throw new InvalidConfigError(
      `${where}: expected layers, or extends with the name of a model, got ${Object.keys(own).join(', ') || 'nothing'}. \`mixerzoo list models\` shows models.`,
    );
  }
  const { model = {}, train = {}, source = {} } = own;
  if (typeof name !== 'string' || ![mixer ?? {}, model, train, source].every(isPlain)) {
    throw new InvalidConfigError(
      `${where}: expected extends: <name of a model>, mixer: { options of its layers }, model: { options of the backbone }, train: { optimizer and schedule }, got something else.`,
    );
  }
  const { part } = await findPart(registry, 'models', name).catch(prefix(`${where}.extends`));
  const { layers = part.layers, nLayers = part.nLayers } = own;
  const rates = own['learningRates'] ?? experimentRates ?? part.learningRates;
  const said =
    JSON.stringify(rates) === JSON.stringify(part.learningRates) ? given : { ...given, learningRates: rates };
  const options = mixer as Readonly<Record<string, unknown>> | undefined;
  return {
    ...own,
    layers: Array.isArray(layers) ? layers.map((layer) => withOptions(where, layer, options)) : layers,
    nLayers,
    model: { ...part.model, ...(model as object) },
    ...defined({
      learningRates: own['learningRates'] ?? (experimentRates === undefined ? part.learningRates : undefined),
      train: joined(part.train, own['train']),
      source: joined(remainingSource(part, said), own['source']),
    }),
  };
}

/** One object on top of another; undefined where there is neither. */
const joined = (under: object | undefined, over: unknown) =>
  under === undefined && over === undefined ? undefined : { ...under, ...(over as object | undefined) };

/** @throws InvalidConfigError for settings of a model's `train` that are the same for every model. */
function assertNoBudget(where: string, train: unknown): void {
  const budget = isPlain(train) ? Object.keys(train).filter((key) => BUDGET_KEYS.includes(key)) : [];
  if (budget.length === 0) return;
  throw new InvalidConfigError(
    `${where}.train: expected optimizer and schedule alone, got ${budget.join(', ')}. The budget is the same for every model: set it under the experiment's train.`,
  );
}

/** Where the settings of a model are from that is extended: without what the one on top says itself. */
function remainingSource({ source }: ModelPreset, { mixer, ...own }: Record<string, unknown>): ModelPreset['source'] {
  if (source === undefined) return undefined;
  const changed = Object.entries({ ...own, ...(mixer !== undefined && { layers: mixer }) }).flatMap(([key, value]) =>
    isPlain(value) ? Object.keys(value).map((inner) => `${key}.${inner}`) : [key],
  );
  const kept = Object.entries(source).filter(
    ([setting]) => !changed.some((path) => setting === path || setting.startsWith(`${path}.`)),
  );
  return Object.fromEntries(
    kept.map(([setting, from]) => {
      const but = changed.filter((path) => path.startsWith(`${setting}.`));
      return [setting, but.length === 0 ? from : `${from}, but for ${listWords(but)}`];
    }),
  );
}

/** A layer with options on top of its own. */
function withOptions(where: string, layer: unknown, options: Readonly<Record<string, unknown>> | undefined): unknown {
  if (options === undefined) return layer;
  if (typeof layer === 'object' && layer !== null && 'specVersion' in layer) {
    throw new InvalidConfigError(
      `${where}: expected layers by name beside mixer, got one that is made already. Pass the options to its factory.`,
    );
  }
  return isPlain(layer) ? { ...layer, ...options } : { mixer: layer, ...options };
}
