/** The optimizer and the schedule of a run: as core takes them, checked against each other, and in words. */
import { createOptimizer, createSchedule, type OptimizerConfig, type ScheduleConfig } from '@mixerzoo/core';
import type { TrainSettings } from '../runs/results.js';

/** What `createTrainer` takes of them. */
export function trainingRecipe(
  train: TrainSettings,
  learningRate: number,
): { readonly optimizer: OptimizerConfig; readonly schedule: ScheduleConfig } {
  const { weightDecay, decayed, beta1, beta2, eps, schedule: name, warmupSteps, minLearningRate } = train;
  return {
    optimizer: { learningRate, weightDecay, decayed, beta1, beta2, eps },
    schedule: { name, warmupSteps, minLearningRate },
  };
}

/**
 * Checks what a run will train with, before anything is trained.
 * @throws InvalidConfigError for values that do not fit together, such as a warm-up longer than the run.
 */
export function assertTrainable(train: TrainSettings, learningRate: number): void {
  const { optimizer, schedule } = trainingRecipe(train, learningRate);
  createOptimizer(optimizer);
  createSchedule(schedule, { learningRate, epochs: train.epochs, stepsPerEpoch: train.stepsPerEpoch });
}

/** `weight decay 0.1 of matrices`, then what differs from AdamW's usual settings. */
export function optimizerInWords({ weightDecay, decayed, beta1, beta2, eps }: TrainSettings) {
  return [
    `weight decay ${weightDecay}${decayed === 'matrices' && weightDecay > 0 ? ' of matrices' : ''}`,
    ...(beta1 === 0.9 && beta2 === 0.999 ? [] : [`betas ${beta1} and ${beta2}`]),
    ...(eps === 1e-8 ? [] : [`eps ${eps}`]),
  ];
}

/** ` falling to 0 by a cosine`, to follow a learning rate; empty where it stays. */
export function fallInWords({ schedule, minLearningRate }: TrainSettings): string {
  return schedule === 'constant' ? '' : ` falling to ${minLearningRate} by a cosine`;
}
