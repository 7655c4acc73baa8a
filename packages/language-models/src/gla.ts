/** GLA as a language model (Yang et al. 2024, arXiv 2312.06635). Shape: flash-linear-attention, `gla_340M.json`. */
import { BYTE_VOCABULARY, GLA_TRAINING, type LanguageModelPreset, MISTRAL_VOCABULARY } from './setup.js';

/** The gate's width: 8 / 3 of the model's, up to a multiple of 256, and of 32 for tiny ones. */
const SHAPES = {
  tiny: { nLayers: 4, dModel: 128, nHeads: 2, dHidden: 352, vocabSize: BYTE_VOCABULARY },
  '340m': { nLayers: 24, dModel: 1024, nHeads: 4, dHidden: 2816, vocabSize: MISTRAL_VOCABULARY },
} as const;

export type GlaSize = keyof typeof SHAPES;

/** What {@link glaModel} is told. */
export interface GlaOptions {
  /** `tiny`: four layers, for two CPU cores and a small vocabulary. */
  readonly size: GlaSize;
  /** The head's weight is the embedding's. Default true, as the released gla-340M-15B. */
  readonly tieEmbeddings?: boolean;
}

/** @example glaModel({ size: '340m' }) */
export function glaModel({ size, tieEmbeddings = true }: GlaOptions): LanguageModelPreset {
  const { nLayers, dModel, nHeads, dHidden, vocabSize } = SHAPES[size];
  const eps = 1e-6;
  return {
    name: `gla-${size}`,
    summary: `Gated linear attention: ${nLayers} layers of ${dModel}, RMSNorm, SwiGLU.`,
    vocabSize,
    layers: [{ mixer: '@mixerzoo/gla#gla', nHeads, expandK: 0.5, expandV: 1, normEps: eps, init: 'normal' }],
    nLayers,
    model: {
      dModel,
      norm: { name: 'rmsNorm', eps },
      residual: 'sequential',
      channelMixer: { name: 'swiGlu', dHidden, init: 'normal' },
      tieEmbeddings,
      dropout: { embedding: 0, residual: 0 },
    },
    pretraining: GLA_TRAINING,
  };
}

export const glaModels: readonly LanguageModelPreset[] = (Object.keys(SHAPES) as GlaSize[]).map((size) =>
  glaModel({ size }),
);
