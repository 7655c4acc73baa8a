/** How models of a study are trained where it has no reason for another way. */
import type { ExperimentConfig } from '../experiment/experiment.js';

/** Steps of an epoch, at whose end models are validated. */
const EPOCH_STEPS = 50;

/** So many steps at most, fewer where validation says that the task is solved. */
export function studyTraining(steps: number): NonNullable<ExperimentConfig['train']> {
  return {
    batchSize: 64,
    epochs: steps / EPOCH_STEPS,
    stepsPerEpoch: EPOCH_STEPS,
    warmupSteps: 50,
    clipNorm: 1,
    decayed: 'all',
    stopAt: 0.999,
    validationExamples: 256,
    testExamples: 512,
  };
}
