/** The model that a plugin brings, as an experiment would make it, at its own vocabulary and width. */
import { createLanguageModel, type LanguageModel, type ModelPreset } from '@mixerzoo/core';
import { parseConfig } from '@mixerzoo/core/harness';
import type { Registry } from '../plugins.js';
import { createCodeReader } from './code.js';
import { type Experiment, experimentSchema } from './experiment.js';
import { defined, resolveLayers, resolveNorm } from './resolve-parts.js';

/** @throws InvalidConfigError, UnknownNameError */
export async function presetModel(preset: ModelPreset, registry: Registry): Promise<LanguageModel> {
  const { name, layers: pattern, nLayers, vocabSize = 1 } = preset;
  const backbone: Experiment['model'] = parseConfig(experimentSchema.shape.model, preset.model as never, name);
  const lookup = { registry, code: await createCodeReader() };
  const layers = await resolveLayers({ layers: [...pattern], nLayers }, backbone, name, lookup);
  const {
    norm,
    residual: _residual,
    channelMixer: _channelMixer,
    shortFilters: _shortFilters,
    ...rest
  } = defined(backbone);
  const made = norm === undefined ? undefined : await resolveNorm(norm, backbone.dModel, name, lookup);
  return createLanguageModel({
    ...rest,
    ...(made && { norm: made.part }),
    vocabSize,
    layers: layers.map(({ spec }) => spec),
  });
}
