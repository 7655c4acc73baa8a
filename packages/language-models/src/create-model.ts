/** A model from its preset, in a program of one's own; an experiment does so by `extends`. */
import { plugin as attention } from '@mixerzoo/attention';
import { plugin as cat } from '@mixerzoo/cat';
import {
  plugin as core,
  createLanguageModel,
  InvalidConfigError,
  type LanguageModel,
  type LanguageModelConfig,
  type ModelPreset,
} from '@mixerzoo/core';
import { UnknownNameError } from '@mixerzoo/core/errors';
import { plugin as gla } from '@mixerzoo/gla';
import { plugin as mamba } from '@mixerzoo/mamba';

const PACKAGES = {
  '@mixerzoo/attention': attention,
  '@mixerzoo/cat': cat,
  '@mixerzoo/core': core,
  '@mixerzoo/gla': gla,
  '@mixerzoo/mamba': mamba,
};
const MIXERS = new Map(
  Object.entries(PACKAGES).flatMap(([name, { mixers }]) => mixers.map((part) => [`${name}#${part.mixerName}`, part])),
);
const CHANNEL_MIXERS = new Map(core.channelMixers.map((part) => [part.channelMixerName, part]));
const NORMS = new Map(core.norms.map((part) => [part.normName, part]));

/** A part with its options, or its name alone. */
type Part = string | { readonly name: string; readonly [option: string]: unknown };

/**
 * The model of a preset, with the mixers of this package's models, and channel mixers and norms of core.
 *
 * @param vocabSize - default: the preset's.
 * @throws InvalidConfigError, also for a preset that leaves its width or vocabulary to an experiment; UnknownNameError
 * @example createModel(pythia({ size: '14m', mixer: 'cat' }), 257)
 */
export function createModel({ layers, nLayers, model, ...preset }: ModelPreset, vocabSize?: number): LanguageModel {
  const {
    norm,
    channelMixer = 'none',
    residual,
    shortFilters,
    ...backbone
  } = model as ModelPreset['model'] & {
    readonly norm?: Part;
    readonly channelMixer?: Part;
    readonly residual?: LanguageModelConfig['layers'][number]['residual'];
    readonly shortFilters?: LanguageModelConfig['layers'][number]['shortFilters'];
  };
  const { dModel } = model;
  const rows = vocabSize ?? preset.vocabSize;
  if (dModel === undefined || rows === undefined) {
    throw new InvalidConfigError(
      `createModel: expected a model with dModel and a vocabulary, got '${preset.name}' without. Set model.dModel and pass vocabSize: it has those of an experiment.`,
    );
  }
  const made = <P>(what: string, parts: ReadonlyMap<string, (config: never) => P>, part: Part): P => {
    const { name, ...options } = typeof part === 'string' ? { name: part } : part;
    return found(what, parts, name)({ dModel, ...options } as never);
  };
  const around = {
    ...(residual && { residual }),
    ...(shortFilters && { shortFilters }),
    channelMixer: channelMixer === 'none' ? ('none' as const) : made('channel mixer', CHANNEL_MIXERS, channelMixer),
  };
  const config: LanguageModelConfig = {
    ...backbone,
    dModel,
    ...(norm && { norm: made('norm', NORMS, norm) }),
    vocabSize: rows,
    layers: Array.from({ length: nLayers }, (_, index) => {
      const { mixer, ...options } = layers[index % layers.length] as ModelPreset['layers'][number];
      return { ...around, sequenceMixer: found('mixer', MIXERS, mixer)({ dModel, ...options }) };
    }),
  };
  return createLanguageModel(config);
}

/** @throws UnknownNameError */
function found<T>(what: string, parts: ReadonlyMap<string, T>, name: string): T {
  const part = parts.get(name);
  if (part === undefined) throw new UnknownNameError(what, name, [...parts.keys()]);
  return part;
}
