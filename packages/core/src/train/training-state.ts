/** Where a training run stands, as its checkpoint's `checkpoint.json` has it. */
import * as z from 'zod';
import type { StepSums } from './train-steps.js';

/** An epoch. Losses in nats per labelled position, accuracies in [0, 1]. */
export interface EpochMetrics {
  /** Epochs and steps done, from 1. */
  readonly epoch: number;
  readonly step: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
  /** Of the epoch's last step. */
  readonly learningRate: number;
  /** Spent in training steps; without the validation. */
  readonly seconds: number;
  readonly validationSeconds: number;
  /** Training tokens a second. */
  readonly tokensPerSecond: number;
  /** The engine that trained it, and what of the processor its sums depend on: `wasm`, `wasm (avx512)`. */
  readonly engine: string;
  /** Other engines that trained a part of it, where it was resumed in its middle on another one. */
  readonly otherEngines?: readonly string[] | undefined;
  /** ISO 8601, after the validation. */
  readonly finishedAt: string;
}

/** An epoch that is under way: the sums over its steps so far, and the engines that made them. */
export interface PartialEpoch {
  readonly sums: StepSums;
  readonly engines: readonly string[];
}

const share = z.number().min(0).max(1);
const amount = z.number().nonnegative();

const epochMetricsSchema = z.strictObject({
  epoch: z.int().positive(),
  step: z.int().positive(),
  trainLoss: z.number(),
  trainAccuracy: share,
  validationLoss: z.number(),
  validationAccuracy: share,
  learningRate: amount,
  seconds: amount,
  validationSeconds: amount,
  tokensPerSecond: amount,
  engine: z.string().min(1),
  otherEngines: z.array(z.string().min(1)).optional(),
  finishedAt: z.iso.datetime(),
}) satisfies z.ZodType<EpochMetrics>;

const partialEpochSchema = z.strictObject({
  sums: z.strictObject({
    steps: z.int().positive(),
    count: z.int().positive(),
    loss: z.number(),
    hits: amount,
    learningRate: amount,
    seconds: amount,
  }),
  engines: z.array(z.string().min(1)).min(1),
}) satisfies z.ZodType<PartialEpoch>;

const RNG_SCHEME = 'every stream is foldIn of the seed and the counters (epoch, step)';

/** Beside the tensors, all there is to a checkpoint: the seeds are in the config, the counters in the history. */
export type TrainingState = {
  readonly config: Readonly<Record<string, unknown>>;
  readonly rng: typeof RNG_SCHEME;
  /** Of every epoch done. */
  readonly history: readonly EpochMetrics[];
  /** The epoch after them, where the checkpoint was made in its middle. */
  readonly partial?: PartialEpoch | undefined;
};

export const trainingStateSchema: z.ZodType<TrainingState> = z.strictObject({
  config: z.record(z.string(), z.unknown()),
  rng: z.literal(RNG_SCHEME),
  history: z.array(epochMetricsSchema),
  partial: partialEpochSchema.optional(),
});

/** What a checkpoint says of a run that stands after the last epoch of `history`, and the steps of `partial` if any. */
export function trainingState(
  config: Readonly<Record<string, unknown>>,
  history: readonly EpochMetrics[],
  partial: PartialEpoch | undefined,
): TrainingState {
  return { config, rng: RNG_SCHEME, history: [...history], ...(partial && { partial }) };
}
