/** A run as `createTrainer` of core takes it. */
import type { TrainerConfig } from '@mixerzoo/core';
import { trainingRecipe } from '../experiment/recipe.js';
import type { PlannedRun } from '../experiment/resolve-runs.js';

/** The whole of its training: the same trainer wherever a run is trained. */
export function trainerConfig({ config, task, model }: PlannedRun): TrainerConfig {
  const { train, seed, learningRate } = config;
  return {
    model,
    task,
    seed,
    batchSize: train.batchSize,
    examplesPerEpoch: train.batchSize * train.stepsPerEpoch,
    epochs: train.epochs,
    freshExamples: train.freshExamples,
    ...(train.accumulation !== undefined && { accumulation: train.accumulation }),
    ...trainingRecipe(train, learningRate),
    clipNorm: train.clipNorm,
    validationExamples: train.validationExamples,
    stopAt: train.stopAt,
    identity: config.id,
  };
}
