/**
 * Learning rates over a run. `cosine` decays to `minLearningRate` from step to step, `cosinePerEpoch` once an epoch, as
 * zoology does (torch CosineAnnealingLR stepped after each epoch); both after a linear warm-up.
 */
import * as z from 'zod';
import { parseConfig } from '../config.js';
import { InvalidConfigError } from '../errors.js';

export const scheduleSchema = z.strictObject({
  /** The rate after the warm-up: as it is, or along half a cosine, from step to step or from epoch to epoch. */
  name: z.enum(['constant', 'cosine', 'cosinePerEpoch']).default('constant'),
  /** Steps over which the rate grows linearly from `warmupFrom` to its full value; the first step is above it. */
  warmupSteps: z.int().nonnegative().default(0),
  /** What the warm-up starts from. */
  warmupFrom: z.number().nonnegative().default(0),
  /** What the cosine ends at. */
  minLearningRate: z.number().nonnegative().default(0),
});

export type ScheduleConfig = z.input<typeof scheduleSchema>;

/** The learning rate of a step, counted from 0. */
export type Schedule = (step: number) => number;

/**
 * A schedule for a run of `epochs * stepsPerEpoch` steps.
 *
 * With T the steps (epochs) after the warm-up and t those done, the cosine is
 * `min + (rate - min) (1 + cos(pi t / T)) / 2`; `cosinePerEpoch` counts whole epochs from the start and is scaled
 * down during the warm-up.
 * @throws InvalidConfigError, also where the config does not fit the run: a warm-up longer than it, a `minLearningRate` above
 *   its rate.
 */
export function createSchedule(
  config: ScheduleConfig,
  { learningRate, epochs, stepsPerEpoch }: { learningRate: number; epochs: number; stepsPerEpoch: number },
): Schedule {
  const { name, warmupSteps, warmupFrom, minLearningRate } = parseConfig(scheduleSchema, config, 'schedule');
  const steps = epochs * stepsPerEpoch;
  if (warmupSteps > steps) {
    throw new InvalidConfigError(
      `schedule: warmupSteps: expected at most the run's ${steps} steps, got ${warmupSteps}. Warm up less, or train longer.`,
    );
  }
  if (warmupFrom > (warmupSteps > 0 ? learningRate : 0)) {
    throw new InvalidConfigError(
      `schedule: warmupFrom: expected at most the learning rate ${learningRate}, and warmupSteps, got ${warmupFrom} and ${warmupSteps} steps. A warm-up rises from the one to the other.`,
    );
  }
  if (minLearningRate > learningRate) {
    throw new InvalidConfigError(
      `schedule: minLearningRate: expected at most the learning rate ${learningRate}, got ${minLearningRate}. A cosine falls from the one to the other.`,
    );
  }
  if (name === 'constant' && minLearningRate > 0) {
    throw new InvalidConfigError(
      `schedule: minLearningRate: expected 0 beside the schedule 'constant', which has no end to fall to, got ${minLearningRate}. Use 'cosine'.`,
    );
  }
  const cosine = (progress: number) =>
    minLearningRate + ((learningRate - minLearningRate) * (1 + Math.cos(Math.PI * Math.min(1, progress)))) / 2;
  const decayed: Schedule = {
    constant: () => learningRate,
    cosine: (step: number) => cosine(Math.max(0, step - warmupSteps) / Math.max(1, steps - warmupSteps)),
    cosinePerEpoch: (step: number) => cosine(Math.floor(step / stepsPerEpoch) / epochs),
  }[name];
  return (step) => {
    const share = step < warmupSteps ? (step + 1) / warmupSteps : 1;
    return share * decayed(step) + (1 - share) * warmupFrom;
  };
}
