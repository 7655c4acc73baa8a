/** A task that a mean over the sequence solves, and a small training on it. */
import * as z from 'zod';
import { averagingMixer } from '../../model/__fixtures__/averaging-mixer.js';
import { createLanguageModel } from '../../model/language-model.js';
import { createRng, foldIn } from '../../rng.js';
import { defineTask, IGNORED_LABEL, type SolvedTask, type TaskFactory } from '../../task.js';
import type { TrainerConfig } from '../trainer.js';

export const VOCAB = 12;

const markerSchema = z.strictObject({ seqLen: z.int().min(3).default(8) });

/** The last token asks which marker (1 to 4) stood among the zeros: what a mean over the sequence can tell. */
export const marker: TaskFactory<typeof markerSchema, SolvedTask> = defineTask({
  name: 'marker',
  summary: 'Which marker was there?',
  schema: markerSchema,
  create: ({ seqLen }) => ({
    vocabSize: VOCAB,
    seqLen,
    labelsPerExample: 1,
    chance: 1 / 4,
    generate({ split, seed, count }) {
      const rng = createRng(foldIn(seed, split));
      const inputs = new Int32Array(count * seqLen);
      const labels = new Int32Array(count * seqLen).fill(IGNORED_LABEL);
      for (let row = 0; row < count; row += 1) {
        const symbol = 1 + rng.integer(4);
        for (let repeat = 0; repeat < 2; repeat += 1) inputs[row * seqLen + rng.integer(seqLen - 1)] = symbol;
        inputs[(row + 1) * seqLen - 1] = 9;
        labels[(row + 1) * seqLen - 1] = symbol;
      }
      return { count, seqLen, inputs, labels };
    },
    solve(inputs) {
      const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
      labels[inputs.length - 1] = inputs.find((token) => token > 0 && token < 5) as number;
      return labels;
    },
    atLength: (length) => marker({ seqLen: length }),
  }),
});

/** A small run of {@link marker}. */
export function settings(overrides: Partial<TrainerConfig> = {}): TrainerConfig {
  const model = createLanguageModel({
    vocabSize: VOCAB,
    dModel: 8,
    layers: [
      { sequenceMixer: averagingMixer({ dModel: 8 }) },
      { sequenceMixer: averagingMixer({ dModel: 8 }), channelMixer: 'mlp' },
    ],
    dropout: { embedding: 0.1, residual: 0.05 },
  });
  return {
    model,
    task: marker({}),
    seed: 5,
    batchSize: 16,
    examplesPerEpoch: 100,
    epochs: 4,
    optimizer: { learningRate: 1e-2 },
    schedule: { name: 'cosine' },
    validationExamples: 40,
    ...overrides,
  };
}
