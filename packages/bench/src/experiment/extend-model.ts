/** Models that stand on one of a plugin: `models: { Mine: { extends: 'pythia-14m', nLayers: 4 } }`. */
import { InvalidConfigError, type ModelPreset } from '@mixerzoo/core';
import { findPart, type Registry } from '../plugins.js';
import { isPlain } from './config-text.js';
import { prefix } from './resolve-parts.js';

/**
 * A model of an experiment, in full.
 * @param where - `models.Mine`
 * @throws InvalidConfigError, UnknownNameError that begin with `where`.
 */
export async function extendModel(where: string, given: unknown, registry: Registry): Promise<unknown> {
  if (!isPlain(given)) return given;
  const { extends: name, mixer, ...own } = given;
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
  if (typeof name !== 'string' || (mixer !== undefined && !isPlain(mixer)) || !isPlain(own['model'] ?? {})) {
    throw new InvalidConfigError(
      `${where}: expected extends: <name of a model>, mixer: { options of its layers }, model: { options of the backbone }, got something else.`,
    );
  }
  const { part } = await findPart(registry, 'models', name).catch(prefix(`${where}.extends`));
  const layers = own['layers'] ?? part.layers;
  return {
    ...own,
    layers: Array.isArray(layers) ? layers.map((layer) => withOptions(where, layer, mixer)) : layers,
    nLayers: own['nLayers'] ?? part.nLayers,
    model: { ...part.model, ...(own['model'] as Partial<ModelPreset['model']> | undefined) },
  };
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
