/**
 * Transformer++: the LLaMA-style transformer that Mamba's and GLA's papers compare with. RoPE on all columns, no biases, RMSNorm, SwiGLU.
 * Shape: flash-linear-attention, `transformer_340M.json`.
 */
import { BYTE_VOCABULARY, GLA_TRAINING, type LanguageModelPreset, MISTRAL_VOCABULARY } from './setup.js';

/** The gate's width: 8 / 3 of the model's, up to a multiple of 256, and of 32 for tiny ones. */
const SHAPES = {
  tiny: { nLayers: 4, dModel: 128, nHeads: 4, dHidden: 352, vocabSize: BYTE_VOCABULARY },
  '340m': { nLayers: 24, dModel: 1024, nHeads: 16, dHidden: 2816, vocabSize: MISTRAL_VOCABULARY },
} as const;

export type TransformerSize = keyof typeof SHAPES;

/** What {@link transformerPlusPlus} is told. */
export interface TransformerOptions {
  /** `tiny`: four layers, for two CPU cores and a small vocabulary. */
  readonly size: TransformerSize;
  /** Heads of keys and values; default as many as heads. */
  readonly nKvHeads?: number;
  /** The head's weight is the embedding's. Default true, as in the runs of GLA's paper. */
  readonly tieEmbeddings?: boolean;
}

/** @example transformerPlusPlus({ size: '340m' }) */
export function transformerPlusPlus(options: TransformerOptions): LanguageModelPreset {
  const { size, nKvHeads, tieEmbeddings = true } = options;
  const { nLayers, dModel, nHeads, dHidden, vocabSize } = SHAPES[size];
  return {
    name: `tf-plus-plus-${size}`,
    summary: `Transformer++, LLaMA-style: ${nLayers} layers of ${dModel}, RoPE, RMSNorm, SwiGLU, no biases.`,
    vocabSize,
    layers: [
      {
        mixer: '@mixerzoo/attention#attention',
        nHeads,
        ...(nKvHeads === undefined ? {} : { nKvHeads }),
        bias: false,
        init: 'normal',
        dropout: 0,
        positional: 'rope',
      },
    ],
    nLayers,
    model: {
      dModel,
      norm: { name: 'rmsNorm', eps: 1e-6 },
      residual: 'sequential',
      channelMixer: { name: 'swiGlu', dHidden, init: 'normal' },
      tieEmbeddings,
      dropout: { embedding: 0, residual: 0 },
    },
    pretraining: GLA_TRAINING,
  };
}

export const transformerModels: readonly LanguageModelPreset[] = (Object.keys(SHAPES) as TransformerSize[]).map(
  (size) => transformerPlusPlus({ size }),
);
