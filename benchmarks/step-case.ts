/** The training step that `bench:step` measures, profiles and counts: one layer of a mixer on MQAR. */
import { createTrainer, type Trainer } from '@mixerzoo/core';
import { experimentSchema } from '../packages/bench/src/experiment/experiment.js';
import { type PlannedRun, resolveRuns } from '../packages/bench/src/experiment/resolve-runs.js';
import { discoverPlugins, findPart } from '../packages/bench/src/plugins.js';

export interface StepCase {
  readonly mixer: string;
  readonly seqLen: number;
  readonly dModel: number;
  readonly vocabSize: number;
  readonly batchSize: number;
  /** Of the mixer, beside its width. */
  readonly options?: Readonly<Record<string, number>>;
}

export const LEARNING_RATE = 1e-3;

/** Names of all mixers that are installed. */
export async function mixerNames(): Promise<string[]> {
  return (await discoverPlugins(process.cwd())).mixers.map(({ name }) => name);
}

/** The model and the task of a case. */
export async function planCase({
  mixer,
  seqLen,
  dModel,
  vocabSize,
  batchSize,
  options,
}: StepCase): Promise<PlannedRun> {
  const registry = await discoverPlugins(process.cwd());
  const { part: factory } = await findPart(registry, 'mixers', mixer);
  // Dropout costs time and hides equality: none, where the mixer has any.
  const hasDropout = factory.schema.safeParse({ dModel, dropout: 0 }).success;
  const experiment = experimentSchema.parse({
    task: { task: 'mqar', vocabSize, seqLen, numKvPairs: seqLen / 4 },
    model: { dModel, dropout: { embedding: 0, residual: 0 } },
    models: { [mixer]: { layers: [{ mixer: factory, ...options, ...(hasDropout ? { dropout: 0 } : {}) }] } },
    train: { batchSize, stepsPerEpoch: 1, epochs: 1, validationExamples: batchSize },
    learningRates: [LEARNING_RATE],
  });
  const [run] = await resolveRuns({ experiment, files: [] }, registry);
  return run as PlannedRun;
}

/** A trainer of a case, an epoch of which is so many steps. */
export async function createCaseTrainer(one: StepCase, steps: number): Promise<Trainer> {
  const { model, task } = await planCase(one);
  const { batchSize } = one;
  return createTrainer({
    model,
    task,
    seed: 0,
    batchSize,
    examplesPerEpoch: batchSize * steps,
    epochs: 1,
    freshExamples: true,
    optimizer: { learningRate: LEARNING_RATE },
    validationExamples: 1,
  });
}
