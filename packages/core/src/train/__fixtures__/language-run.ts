/** A small model of a Markov chain, in training. */
import { averagingMixer } from '../../model/__fixtures__/averaging-mixer.js';
import { createLanguageModel } from '../../model/language-model.js';
import type { TrainerConfig } from '../trainer.js';
import { chain } from './chain.js';

/** Tokens of the chain. */
export const V = 8;

/** 20 steps of 16 windows of 16 tokens, validated four times. */
export function language(overrides: Partial<TrainerConfig> = {}): TrainerConfig {
  const model = createLanguageModel({
    vocabSize: V,
    dModel: 16,
    layers: [{ sequenceMixer: averagingMixer({ dModel: 16 }), channelMixer: 'mlp' }],
    dropout: { embedding: 0, residual: 0 },
    tieEmbeddings: false,
  });
  return {
    model,
    task: chain({}),
    seed: 5,
    batchSize: 16,
    tokens: 16 * 16 * 20,
    evaluations: 4,
    freshExamples: true,
    optimizer: { learningRate: 3e-2 },
    schedule: { name: 'cosine', warmupSteps: 3, warmupFrom: 1e-3, minLearningRate: 3e-3 },
    validationTokens: 1000,
    ...overrides,
  };
}
