/** The training of a config at one length: budgets in tokens as steps and examples, as records have them. */
import { InvalidConfigError, type Task } from '@mixerzoo/core';
import { examplesOf, tokenBudget } from '@mixerzoo/core/harness';
import type { TrainSettings } from '../runs/run-config.js';
import type { Experiment } from './experiment.js';
import { LIMITS } from './limits.js';
import { defined } from './resolve-parts.js';

/**
 * What is trained with, at the task's length.
 * @throws InvalidConfigError for settings that do not go together.
 */
export function resolveTraining(train: Experiment['train'], task: Task): TrainSettings {
  const { tokens, evaluations, warmupTokens, validationTokens, testTokens, checkpointMinutes: _, ...settings } = train;
  const { batchSize, accumulation = 1, stopAt } = settings;
  const { seqLen } = task;
  if (evaluations !== undefined && tokens === undefined) {
    throw new InvalidConfigError(
      `train.evaluations: expected it beside tokens, got ${evaluations} without. Set tokens, or epochs and stepsPerEpoch.`,
    );
  }
  if (batchSize % accumulation !== 0) {
    throw new InvalidConfigError(
      `train.accumulation: expected a divisor of batchSize ${batchSize}, got ${accumulation}. The parts of a batch are equal.`,
    );
  }
  assertShare('train.stopAt', stopAt, task);
  const budget = tokens === undefined ? undefined : tokenBudget({ tokens, evaluations, batchSize, seqLen });
  if (budget && budget.stepsPerEpoch > LIMITS.steps) {
    throw new InvalidConfigError(
      `train.evaluations: expected at most ${LIMITS.steps} steps between two of them, got ${budget.stepsPerEpoch}. Evaluate more often.`,
    );
  }
  return {
    ...defined(settings),
    ...budget,
    ...(warmupTokens !== undefined && { warmupSteps: Math.round(warmupTokens / (batchSize * seqLen)) }),
    ...(validationTokens !== undefined && { validationExamples: examplesOf(validationTokens, seqLen) }),
    ...(testTokens !== undefined && { testExamples: examplesOf(testTokens, seqLen), testTokens }),
  };
}

/** @throws InvalidConfigError for a goal above 1 where accuracies are meant. */
export function assertShare(where: string, goal: number | null, { name, measure }: Task): void {
  if (goal === null || goal <= 1 || measure === 'likelihood') return;
  throw new InvalidConfigError(
    `${where}: expected an accuracy of at most 1 for the task '${name}', got ${goal}. Use 0.99 for 99 %.`,
  );
}
