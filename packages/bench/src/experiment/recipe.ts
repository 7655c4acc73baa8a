/** The optimizer and the schedule of a run: as core takes them, checked against each other. */
import { createOptimizer, createSchedule, type OptimizerConfig, type ScheduleConfig } from '@mixerzoo/core';
import { examplesOf } from '@mixerzoo/core/harness';
import type { TrainSettings } from '../runs/run-config.js';

/** What `createTrainer` takes of them. */
export function trainingRecipe(
  train: TrainSettings,
  learningRate: number,
): { readonly optimizer: OptimizerConfig; readonly schedule: ScheduleConfig } {
  const { weightDecay, decayed, beta1, beta2, eps, noDecay, factors } = train;
  const { schedule: name, warmupSteps, warmupFrom, minLearningRate } = train;
  return {
    optimizer: {
      learningRate,
      weightDecay,
      decayed,
      beta1,
      beta2,
      eps,
      ...(noDecay && { noDecay: [...noDecay] }),
      ...(factors && { factors }),
    },
    schedule: { name, warmupSteps, ...(warmupFrom !== undefined && { warmupFrom }), minLearningRate },
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

/** Examples of a test at a length. */
export function testCount({ testExamples, testTokens }: TrainSettings, seqLen: number): number {
  return testTokens === undefined ? testExamples : examplesOf(testTokens, seqLen);
}
