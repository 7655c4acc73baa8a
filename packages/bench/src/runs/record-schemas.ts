/** What a record must be to be believed, field by field; the types and their meaning are in `run-config.ts` and `results.ts`. */
import * as z from 'zod';
import type { MetricRecord, RunEnvironment, RunResult } from './results.js';
import { RUN_FORMAT, type RunConfig } from './run-config.js';

const count = z.number().int().min(0);
const amount = z.number().min(0);
const share = z.number().min(0).max(1);
const options = z.record(z.string(), z.unknown());
const factors = z.record(
  z.string(),
  z.looseObject({ learningRate: amount.optional(), weightDecay: amount.optional() }),
);

/** The first hex digits of a hash; part of names of files. */
const id = z.string().regex(/^[0-9a-f]{12}$/, 'expected 12 hex digits');

/** The name of a directory, and of no other place. */
const directoryName = z
  .string()
  .min(1)
  .max(255)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  .regex(/^(?!\.{1,2}$)[^/\\:\u0000-\u001f\u007f]+$/, "expected a name without '/', '\\', ':' and control characters");

export const runConfigSchema = z.looseObject({
  format: z.literal(RUN_FORMAT),
  id,
  experiment: directoryName,
  description: z.string(),
  label: z.string().min(1),
  source: z.record(z.string(), z.string()).optional(),
  task: z.looseObject({
    name: z.string(),
    from: z.string(),
    config: options,
    places: z.record(z.string(), z.string()).optional(),
    measure: z.literal('likelihood').optional(),
  }),
  model: z.looseObject({ dModel: count.min(1), nLayers: count.min(1) }),
  layers: z
    .array(
      z.looseObject({
        mixer: z.string(),
        from: z.string(),
        config: options,
        block: options,
        factors: factors.optional(),
      }),
    )
    .min(1),
  code: z.record(z.string(), z.string()),
  train: z.looseObject({
    batchSize: count.min(1),
    accumulation: count.min(1).optional(),
    epochs: count.min(1),
    stepsPerEpoch: count.min(1),
    freshExamples: z.boolean(),
    weightDecay: amount,
    decayed: z.enum(['all', 'matrices']),
    beta1: share,
    beta2: share,
    eps: amount,
    noDecay: z.array(z.string()).optional(),
    factors: factors.optional(),
    schedule: z.enum(['constant', 'cosine', 'cosinePerEpoch']),
    warmupSteps: count,
    warmupFrom: amount.optional(),
    minLearningRate: amount,
    clipNorm: amount.nullable(),
    stopAt: amount.nullable(),
    validationExamples: count.min(1),
    testExamples: count.min(1),
    testTokens: count.min(1).optional(),
  }),
  testLengths: z.array(count.min(1)).min(1),
  seed: count,
  learningRate: z.number().positive(),
  engine: z.string(),
  freeRunning: z.literal(true).optional(),
  extendContext: z.literal(true).optional(),
  enoughAt: amount.optional(),
  search: z
    .looseObject({ rates: z.array(z.number().positive()), rungs: z.array(count.min(1)), keep: share, seed: count })
    .optional(),
  checkpointMinutes: amount.optional(),
}) satisfies z.ZodType<RunConfig>;

export const environmentSchema = z.looseObject({
  startedAt: z.iso.datetime(),
  versions: z.record(z.string(), z.string()),
  engine: z.looseObject({
    name: z.string(),
    description: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    passedOver: z.string().optional(),
  }),
  platform: z.string(),
  cpu: z.looseObject({ model: z.string(), cores: count, speedGhz: amount }),
  memoryBytes: amount,
  gpus: z.array(z.string()),
  git: z.looseObject({ commit: z.string(), branch: z.string(), dirty: z.boolean() }).nullable(),
  seed: count,
  workers: count,
}) satisfies z.ZodType<RunEnvironment>;

export const metricSchema = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('step'),
    step: count.min(1),
    epoch: count.min(1),
    loss: z.number(),
    accuracy: share,
    learningRate: amount,
    seconds: amount,
  }),
  z.looseObject({
    kind: z.literal('epoch'),
    epoch: count.min(1),
    step: count.min(1),
    trainLoss: z.number(),
    trainAccuracy: share,
    validationLoss: z.number(),
    validationAccuracy: share,
    seconds: amount,
    totalSeconds: amount,
    tokensPerSecond: amount,
    engine: z.string(),
    finishedAt: z.iso.datetime(),
  }),
]) satisfies z.ZodType<MetricRecord>;

const repeats = z.looseObject({ distinct: count.min(1), effective: amount });
const answers = {
  correct: count,
  total: count,
  accuracy: share,
  examples: count,
  exampleStd: amount,
  repeats: repeats.optional(),
};
const slice = z.looseObject({
  name: z.string().min(1),
  bins: z.array(z.looseObject({ from: z.number(), to: z.number(), ...answers })),
});
const likelihood = z.looseObject({
  exampleStd: amount,
  bytes: amount.optional(),
  bitsPerByte: amount.optional(),
  byPosition: z.array(z.looseObject({ end: count.min(1), loss: amount })),
  byStretch: z.array(amount).optional(),
});
const evaluation = {
  ...answers,
  seqLen: count.min(1),
  loss: z.number(),
  exactMatches: count.optional(),
  likelihood: likelihood.optional(),
  softAccuracy: share.optional(),
};
const spread = z.looseObject({ median: amount, lowerQuartile: amount, upperQuartile: amount });
const outcome = { format: z.literal(RUN_FORMAT), id, finishedAt: z.iso.datetime(), epochs: count, steps: count };

export const resultSchema = z.discriminatedUnion('status', [
  z.looseObject({
    ...outcome,
    status: z.literal('done'),
    stoppedEarly: z.boolean(),
    engines: z.array(z.string()).optional(),
    trainSeconds: amount,
    totalSeconds: amount,
    chance: share,
    baselines: z.array(z.looseObject({ name: z.string().min(1), loss: amount })).optional(),
    validation: z.looseObject(evaluation),
    test: z
      .array(
        z.looseObject({
          ...evaluation,
          stateSize: count,
          flops: amount,
          extended: z.literal(true).optional(),
          slices: z.array(slice).optional(),
          freeRunning: z.looseObject({ ...answers, exactMatches: count, perPosition: z.array(share) }).optional(),
        }),
      )
      .min(1),
    to99: z.looseObject({ step: count, seconds: amount }).nullable(),
    cost: z.looseObject({
      parameters: count,
      stateSize: count,
      flops: amount,
      tokensPerSecond: amount,
      stepMs: spread,
      peakMemoryBytes: amount,
      peak: z.looseObject({ flopsPerSecond: amount, share: amount }).optional(),
      generation: z.looseObject({ promptLength: count, prefillMs: amount, tokenMs: amount }).optional(),
    }),
  }),
  z.looseObject({ ...outcome, status: z.literal('failed'), code: z.string(), message: z.string() }),
]) satisfies z.ZodType<RunResult>;
