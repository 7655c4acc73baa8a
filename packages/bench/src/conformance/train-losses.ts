/**
 * The losses of a short training on MQAR: what `mixerzoo engines verify` and the conformance suite judge an engine by.
 * Everything random is drawn on the host, so they are equal on all engines up to rounding.
 */
import { createLanguageModel, createTrainer, type Mixer, type MixerFactory } from '@mixerzoo/core';
import { mqar } from '@mixerzoo/tasks';

/** The model and the task. */
export const SHORT_TRAINING = { vocabSize: 64, seqLen: 32, numKvPairs: 4, dModel: 16, batchSize: 16 } as const;

/**
 * Trains a one-layer model.
 * @returns the loss before each step, nats.
 */
export async function trainLosses(sequenceMixer: Mixer, steps: number, learningRate = 1e-2): Promise<number[]> {
  const { vocabSize, seqLen, numKvPairs, dModel, batchSize } = SHORT_TRAINING;
  const trainer = await createTrainer({
    model: createLanguageModel({ vocabSize, dModel, layers: [{ sequenceMixer }] }),
    task: mqar({ vocabSize, seqLen, numKvPairs }),
    seed: 1,
    batchSize,
    examplesPerEpoch: batchSize * steps,
    epochs: 1,
    freshExamples: true,
    optimizer: { learningRate },
    validationExamples: 1,
  });
  const losses: number[] = [];
  try {
    await trainer.runEpoch({ onStep: ({ loss }) => losses.push(loss) });
  } finally {
    trainer.dispose();
  }
  return losses;
}

/**
 * The losses that are compared between engines: 20 steps of a mixer with its default options. The learning rate is
 * low: at 1e-2 AdamW's first steps blow rounding up a ten-thousandfold.
 */
export function comparableLosses(factory: MixerFactory): Promise<number[]> {
  return trainLosses(factory({ dModel: SHORT_TRAINING.dModel }), 20, 3e-3);
}
