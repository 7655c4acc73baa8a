/** The optimizer and the schedule of a run: as core takes them, checked against each other, and in words. */
import { createOptimizer, createSchedule, type OptimizerConfig, type ScheduleConfig } from '@mixerzoo/core';
import { examplesOf } from '@mixerzoo/core/harness';
import { listWords, plural } from '../report/format.js';
import type { TrainSettings } from '../runs/results.js';

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

/** `weight decay 0.1 of matrices`, then what differs from AdamW's usual settings. */
export function optimizerInWords({ weightDecay, decayed, beta1, beta2, eps, noDecay, factors }: TrainSettings) {
  return [
    `weight decay ${weightDecay}${decayed === 'matrices' && weightDecay > 0 ? ' of matrices' : ''}`,
    ...(beta1 === 0.9 && beta2 === 0.999 ? [] : [`betas ${beta1} and ${beta2}`]),
    ...(eps === 1e-8 ? [] : [`eps ${eps}`]),
    ...(noDecay && noDecay.length > 0 ? [`no decay of ${listWords(noDecay)}`] : []),
    ...Object.entries(factors ?? {}).map(([pattern, { learningRate = 1, weightDecay = 1 }]) =>
      [
        ...(learningRate === 1 ? [] : [`${learningRate} times the rate`]),
        ...(weightDecay === 1 ? [] : [`${weightDecay} times the decay`]),
      ]
        .join(' and ')
        .concat(` for ${pattern}`),
    ),
  ];
}

/** ` falling to 0 by a cosine`, to follow a learning rate; empty where it stays. */
export function fallInWords({ schedule, minLearningRate }: TrainSettings): string {
  return schedule === 'constant' ? '' : ` falling to ${minLearningRate} by a cosine`;
}

/** `300 steps of warm-up`, from what if not from 0; empty without. */
export function warmupInWords({ warmupSteps, warmupFrom = 0 }: TrainSettings): string[] {
  if (warmupSteps === 0) return [];
  return [`${plural(warmupSteps, 'step')} of warm-up${warmupFrom > 0 ? ` from ${warmupFrom}` : ''}`];
}

/** Examples of a test at a length. */
export function testCount({ testExamples, testTokens }: TrainSettings, seqLen: number): number {
  return testTokens === undefined ? testExamples : examplesOf(testTokens, seqLen);
}
