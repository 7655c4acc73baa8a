/**
 * How a trained model is tested beyond the length it was trained at, where an experiment says `extendContext`, as in Figure 1
 * of the CAT paper: rotary positions interpolated (Chen et al. 2023, arXiv 2306.15595) with YaRN's temperature of the logits
 * (Peng et al. 2023, arXiv 2309.00071); the temperature alone without positions. The parameters are the trained ones.
 */
import type { LayerSpec, Mixer, MixerFactory } from '@mixerzoo/core';
import { factoryOf } from '@mixerzoo/core/harness';
import type { z } from 'zod';

/**
 * The layers of a model as they read `seqLen` tokens, of which they know `trainLength`; undefined where nothing differs: at
 * trained lengths, of mixers without the option `contextExtension` (Mamba, GLA), with ALiBi, or extended in training already.
 */
export function extendContext(
  layers: readonly LayerSpec[],
  trainLength: number,
  seqLen: number,
): readonly LayerSpec[] | undefined {
  if (seqLen <= trainLength) return undefined;
  const extended = layers.map((layer) => {
    const sequenceMixer = extendMixer(layer.sequenceMixer, trainLength, seqLen);
    return sequenceMixer && { ...layer, sequenceMixer };
  });
  return extended.some(Boolean) ? extended.map((layer, index) => layer ?? layers[index]!) : undefined;
}

function extendMixer(mixer: Mixer, originalLength: number, seqLen: number): Mixer | undefined {
  const factory = factoryOf(mixer) as MixerFactory | undefined;
  const { positional, contextExtension } = mixer.config;
  if (!factory || !takesExtension(factory.schema) || contextExtension !== undefined) return undefined;
  if (positional !== 'rope' && positional !== 'none') return undefined;
  const method = positional === 'rope' ? 'interpolation' : 'yarn'; // of which the temperature is all there is without positions
  return factory({
    ...mixer.config,
    contextExtension: { method, temperature: 'logits', factor: seqLen / originalLength, originalLength },
  });
}

const takesExtension = (schema: z.ZodType) => 'contextExtension' in ((schema as Partial<z.ZodObject>).shape ?? {});
