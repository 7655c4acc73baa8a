/**
 * A model at a length it was not trained at, as Section 6.2 of the CAT paper (arXiv 2407.05591) has it: with RoPE positions are squeezed
 * evenly (Chen et al. 2023, arXiv 2306.15595) and logits multiplied by YaRN's temperature (Peng et al. 2023, arXiv 2309.00071),
 * (0.1 ln s + 1)^2 at s times the trained length; without positions by the temperature alone.
 */
import { InvalidConfigError, type LanguageModel } from '@mixerzoo/core';
import { UnknownNameError } from '@mixerzoo/core/errors';
import type { Registry } from '../plugins.js';
import { changeMixers } from './rebuild-model.js';

export const EXTENSIONS = ['none', 'interpolation', 'temperature', 'interpolation+temperature'] as const;
export type Extension = (typeof EXTENSIONS)[number];

/** @throws UnknownNameError */
export function parseExtension(text = 'none'): Extension {
  const found = EXTENSIONS.find((name) => name === text);
  if (found) return found;
  throw new UnknownNameError('extension', text, EXTENSIONS);
}

/**
 * The model that reads `length` tokens, with the same parameters; itself up to the trained length. Mixers that know no positions of
 * attention, and ALiBi, stay as they are.
 * @throws InvalidConfigError where a mixer does not take the extension, or has one already.
 */
export async function extendModel(
  model: LanguageModel,
  extension: Extension,
  lengths: { readonly trained: number; readonly length: number },
  registry: Registry,
): Promise<LanguageModel> {
  const factor = lengths.length / lengths.trained;
  if (extension === 'none' || factor <= 1) return model;
  const squeezes = extension.startsWith('interpolation');
  const heats = extension.endsWith('temperature');
  return changeMixers(
    model,
    (config) => {
      const rotates = config['positional'] === 'rope';
      if (!rotates && !(config['positional'] === 'none' && heats)) return config;
      if (config['contextExtension'] !== undefined) {
        throw new InvalidConfigError(
          `--extend: expected a model whose positions are as they were trained, got one with a contextExtension. Measure it with --extend none.`,
        );
      }
      const contextExtension = {
        method: 'interpolation',
        factor: squeezes ? factor : 1,
        originalLength: lengths.trained,
        temperature: heats ? 'logits' : 'none',
        ...(heats && { attentionFactor: 0.1 * Math.log(factor) + 1 }),
      };
      return { ...config, contextExtension };
    },
    registry,
  );
}
