/** A run as `createTrainer` of core takes it. */
import type { LanguageModel, Task, TrainerConfig } from '@mixerzoo/core';
import { trainingRecipe } from '../experiment/recipe.js';
import type { RunConfig } from './run-config.js';

/** What is trained, and what decides its numbers. */
export interface TrainableRun {
  readonly config: Pick<RunConfig, 'train' | 'seed' | 'learningRate'> & { readonly id?: string };
  readonly task: Task;
  readonly model: LanguageModel;
}

/** The whole of its training: the same trainer wherever a run is trained. */
export function trainerConfig({ config, task, model }: TrainableRun): TrainerConfig {
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
    ...(config.id !== undefined && { identity: config.id }),
  };
}
