/** What models have in common: how those of Table 2 were trained, and vocabularies. */
import type { ModelPreset } from '@mixerzoo/core';

/** A model with a width and a vocabulary of its own. */
export type LanguageModelPreset = ModelPreset & {
  readonly vocabSize: number;
  readonly model: { readonly dModel: number };
};

/**
 * GLA's paper (arXiv 2312.06635, Section 5), whose setup CAT's follows: AdamW, a cosine from 3e-4 to 3e-5 after a warm-up of a thirtieth, little decay; betas as in
 * flash-linear-attention's runs.
 */
export const GLA_TRAINING = {
  learningRate: 3e-4,
  minLearningRate: 3e-5,
  schedule: 'cosine',
  weightDecay: 0.01,
  decayed: 'matrices',
  beta1: 0.9,
  beta2: 0.95,
  clipNorm: 1,
} as const;

/** V of Mistral's tokenizer. */
export const MISTRAL_VOCABULARY = 32_000;

/** V of tiny models: bytes and an end of text, as the embedded tokenizer has them. */
export const BYTE_VOCABULARY = 257;
