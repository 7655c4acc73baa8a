/** Where a training run stands, as its checkpoint's `checkpoint.json` has it. */
import { z } from 'zod';

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
  /** ISO 8601, after the validation. */
  readonly finishedAt: string;
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
  finishedAt: z.iso.datetime(),
}) satisfies z.ZodType<EpochMetrics>;

const RNG_SCHEME = 'every stream is foldIn of the seed and the counters (epoch, step)';

/** Beside the tensors, all there is to a checkpoint: the seeds are in the config, the counters in the history. */
export type TrainingState = {
  readonly config: Readonly<Record<string, unknown>>;
  readonly rng: typeof RNG_SCHEME;
  /** Of every epoch done. */
  readonly history: readonly EpochMetrics[];
};

export const trainingStateSchema: z.ZodType<TrainingState> = z.strictObject({
  config: z.record(z.string(), z.unknown()),
  rng: z.literal(RNG_SCHEME),
  history: z.array(epochMetricsSchema),
});

/** What a checkpoint says of a run that stands after the last epoch of `history`. */
export function trainingState(
  config: Readonly<Record<string, unknown>>,
  history: readonly EpochMetrics[],
): TrainingState {
  return { config, rng: RNG_SCHEME, history: [...history] };
}
