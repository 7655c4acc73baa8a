/** Runs made up for the tests of the report. */
import { createHash } from 'node:crypto';
import type {
  EpochRecord,
  Evaluation,
  LengthEvaluation,
  RunDone,
  RunFailed,
  RunRecord,
  StepRecord,
} from '../../runs/results.js';
import { RUN_FORMAT, type RunConfig } from '../../runs/run-config.js';

/** What tells a sample run from the others. */
export interface SampleOptions {
  readonly label?: string;
  readonly experiment?: string;
  readonly description?: string;
  readonly seed?: number;
  readonly learningRate?: number;
  readonly dModel?: number;
  readonly seqLen?: number;
  /** Test accuracy at once, twice and four times the training length. */
  readonly accuracies?: readonly [number, number, number];
  /** Validation accuracy; default: the first test accuracy. */
  readonly validation?: number;
  /** Step of the first epoch at 99 %, of 10 per epoch. */
  readonly to99?: number | null;
  readonly failure?: string;
  /** True for a run that has no result. */
  readonly partial?: boolean;
  /** Judged by its loss, which is 6 nats times the share of wrong answers; tokens are two bytes each. */
  readonly measure?: 'likelihood';
}

const EXAMPLES = 250;
const LABELS = 16;
const START = Date.parse('2026-01-02T03:04:03.000Z');

/** A run of ten epochs of ten steps. */
export function sampleRun(options: SampleOptions = {}): RunRecord {
  const config = sampleConfig(options);
  const { failure, partial = false, accuracies = [0.9, 0.8, 0.6] } = options;
  const epochs = failure === undefined ? (partial ? 4 : 10) : 0;
  return {
    directory: `runs/${config.id}`,
    config,
    environment: undefined,
    steps: Array.from({ length: epochs * 2 }, (_, index): StepRecord => {
      const step = (index + 1) * 5;
      const accuracy = accuracies[0] * Math.min(1, step / 60);
      return {
        kind: 'step',
        step,
        epoch: Math.ceil(step / 10),
        loss: 6 * (1 - accuracy),
        accuracy,
        learningRate: config.learningRate,
        seconds: step / 100,
      };
    }),
    epochs: Array.from({ length: epochs }, (_, index): EpochRecord => {
      const step = (index + 1) * 10;
      const accuracy = accuracies[0] * Math.min(1, step / 60);
      return {
        kind: 'epoch',
        epoch: index + 1,
        step,
        trainLoss: 6 * (1 - accuracy),
        trainAccuracy: accuracy,
        validationLoss: 6 * (1 - accuracy),
        validationAccuracy: accuracy,
        seconds: step / 100,
        totalSeconds: step / 80,
        tokensPerSecond: 200_000,
        engine: 'wasm',
        finishedAt: new Date(START + (1000 * step) / 80).toISOString(),
      };
    }),
    result: failure !== undefined ? failed(config, failure) : partial ? undefined : done(config, accuracies, options),
  };
}

/** The config of {@link sampleRun}. */
export function sampleConfig(options: SampleOptions = {}): RunConfig {
  const { label = 'CAT', experiment = 'sample', description = '', seed = 0 } = options;
  const { learningRate = 0.01, dModel = 64, seqLen = 64, measure } = options;
  return {
    format: RUN_FORMAT,
    id: createHash('sha256')
      .update(JSON.stringify([label, seed, learningRate, dModel, seqLen, ...(measure ? [measure] : [])]))
      .digest('hex')
      .slice(0, 12),
    experiment,
    description,
    label,
    task: {
      name: 'mqar',
      from: '@mixerzoo/tasks',
      config: { seqLen, numKvPairs: LABELS },
      ...(measure && { measure }),
    },
    model: { dModel, nLayers: 1 },
    layers: [{ mixer: 'cat', from: '@mixerzoo/cat', config: { dModel }, block: {} }],
    code: { '@mixerzoo/cat': '0.1.0 0123456789ab', '@mixerzoo/tasks': '0.1.0 ba9876543210' },
    train: {
      batchSize: 32,
      epochs: 10,
      stepsPerEpoch: 10,
      freshExamples: true,
      weightDecay: 0.1,
      decayed: 'all',
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      schedule: 'cosine',
      warmupSteps: 0,
      minLearningRate: 0,
      clipNorm: null,
      stopAt: null,
      validationExamples: EXAMPLES,
      testExamples: EXAMPLES,
    },
    testLengths: [seqLen, 2 * seqLen, 4 * seqLen],
    seed,
    learningRate,
    engine: 'auto',
  };
}

function failed({ id }: RunConfig, message: string): RunFailed {
  return {
    format: RUN_FORMAT,
    id,
    status: 'failed',
    finishedAt: '2026-01-02T03:04:05.000Z',
    code: 'numerical',
    message,
    epochs: 0,
    steps: 3,
  };
}

function done(
  config: RunConfig,
  accuracies: readonly number[],
  { validation, to99 = null, measure }: SampleOptions,
): RunDone {
  const test = config.testLengths.map(
    (seqLen, index): LengthEvaluation => ({
      ...evaluate(seqLen, accuracies[index]!, measure),
      stateSize: 128 * seqLen,
      flops: 1e5 * seqLen,
    }),
  );
  return {
    format: RUN_FORMAT,
    id: config.id,
    status: 'done',
    finishedAt: '2026-01-02T03:04:05.000Z',
    epochs: 10,
    steps: 100,
    stoppedEarly: false,
    trainSeconds: 1,
    totalSeconds: 2,
    chance: 1 / 256,
    ...(measure && {
      baselines: [
        { name: 'unigram', loss: 3 },
        { name: '5-gram', loss: 1.5 },
      ],
    }),
    validation: evaluate(config.testLengths[0]!, validation ?? accuracies[0]!, measure),
    test,
    to99: to99 === null ? null : { step: to99, seconds: to99 / 100 },
    cost: {
      parameters: 123_456,
      stateSize: 8192,
      flops: 6_400_000,
      tokensPerSecond: 200_000,
      stepMs: { median: 10, lowerQuartile: 9, upperQuartile: 11 },
      peakMemoryBytes: 3e8,
    },
  };
}

function evaluate(seqLen: number, accuracy: number, measure?: 'likelihood'): Evaluation {
  const total = EXAMPLES * LABELS;
  const correct = Math.round(accuracy * total);
  const p = correct / total;
  const loss = 6 * (1 - p);
  const independent = Math.sqrt((p * (1 - p)) / LABELS);
  const counted = { seqLen, correct, total, accuracy: p, loss, examples: EXAMPLES, exampleStd: independent };
  if (!measure) return counted;
  const bytes = 2 * total;
  // Falling along the window, by a tenth of a nat, around the mean.
  const byPosition = Array.from({ length: 64 }, (_, index) => ({
    end: ((index + 1) * seqLen) / 64,
    loss: loss + (0.1 * (31.5 - index)) / 63,
  }));
  return { ...counted, likelihood: { exampleStd: 0.2, bytes, bitsPerByte: loss / 2 / Math.LN2, byPosition } };
}
