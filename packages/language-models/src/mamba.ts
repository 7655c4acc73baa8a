/**
 * Mamba and Mamba-2 as language models (arXiv 2312.00752, 2405.21060): mixers alone, RMSNorm, a tied head. Shapes: state-spaces'
 * `mamba-130m`, `mamba-370m`, `mamba2-130m`, `mamba2-370m`, whose training on the Pile their papers describe (Appendix E.2, D.2).
 */
import { BYTE_VOCABULARY, type LanguageModelPreset } from './setup.js';

const SHAPES = {
  tiny: { nLayers: 8, dModel: 128, learningRate: 3e-3 },
  '130m': { nLayers: 24, dModel: 768, learningRate: 3e-3 },
  '370m': { nLayers: 48, dModel: 1024, learningRate: 1.5e-3 },
} as const;

export type MambaSize = keyof typeof SHAPES;

/** What {@link mambaModel} is told. */
export interface MambaOptions {
  /** `tiny`: eight layers, for two CPU cores and a small vocabulary. */
  readonly size: MambaSize;
  /** Default 1. */
  readonly version?: 1 | 2;
}

/** GPT-NeoX's 50,277 tokens, padded to a multiple of 8 and of 16. */
const VOCAB_SIZES = { 1: 50_280, 2: 50_288 } as const;

/** @example mambaModel({ size: '370m', version: 2 }) */
export function mambaModel({ size, version = 1 }: MambaOptions): LanguageModelPreset {
  const { nLayers, dModel, learningRate } = SHAPES[size];
  return {
    name: `${version === 1 ? 'mamba' : 'mamba2'}-${size}`,
    summary: `Mamba${version === 1 ? '' : '-2'}: ${nLayers} layers of ${dModel}, no channel mixers.`,
    vocabSize: size === 'tiny' ? BYTE_VOCABULARY : VOCAB_SIZES[version],
    layers: [version === 1 ? { mixer: '@mixerzoo/mamba#mamba' } : { mixer: '@mixerzoo/mamba#mamba2', headDim: 64 }],
    nLayers,
    model: {
      dModel,
      norm: 'rmsNorm',
      residual: 'mixerOnly',
      channelMixer: 'none',
      tieEmbeddings: true,
      dropout: { embedding: 0, residual: 0 },
    },
    pretraining: {
      learningRate,
      minLearningRate: 1e-5,
      schedule: 'cosine',
      weightDecay: 0.1,
      decayed: 'matrices',
      beta1: 0.9,
      beta2: 0.95,
      clipNorm: 1,
    },
  };
}

export const mambaModels: readonly LanguageModelPreset[] = ([1, 2] as const).flatMap((version) =>
  (Object.keys(SHAPES) as MambaSize[]).map((size) => mambaModel({ size, version })),
);
