/**
 * How large a figure is made. All scales use one definition of each figure; a scale sets sizes and budget only, the
 * same for every model.
 *
 * `paper` is Appendix A.1 of arXiv 2407.05591, with what it leaves open as in zoology (arXiv 2312.04927), whose set-up
 * it follows: vocabulary 8,192 (printed as 8,092), 64 epochs over fixed examples, batches of 512, 256 and 128, dropout
 * on embedding and attention map. `quick` and `small` train on fresh examples, without dropout, for fewer steps, and start
 * the projections at the scale of their input; CAT normalises filtered queries and keys as Theorem 1 does. Both leave the
 * first plateau sooner.
 */
import type { ExperimentConfig } from '../experiment/experiment.js';

export const SCALES = ['quick', 'small', 'paper'] as const;
export type Scale = (typeof SCALES)[number];

/** Sizes and budget of one family of experiments at one scale. */
export interface ScaleSettings {
  readonly vocabSize: number;
  readonly dims: readonly number[];
  /** Training lengths. */
  readonly lengths: readonly number[];
  readonly testLengths: readonly number[];
  /** In order of promise. */
  readonly learningRates: readonly number[];
  readonly seeds: readonly number[];
  readonly train: NonNullable<ExperimentConfig['train']>;
  /** Batch by training length, where it is not that of `train`; the examples of an epoch stay the same in number. */
  readonly batchAt?: Readonly<Record<number, number>>;
  readonly enoughAt: number | null;
  /** Rates of dropout on the embedding, and on the attention map. */
  readonly dropout: number;
  /** How the projections of CAT, LinCAT and attention start: at N(0, 0.02), or at the scale of their input. */
  readonly init: 'zoology' | 'fanIn';
  /** True: CAT normalises filtered queries and keys in every task, as Theorem 1 does; else on 2-grams only. */
  readonly normalizeQK: boolean;
}

export interface CopyingSettings extends ScaleSettings {
  readonly numSignals: number;
}

const EPOCH_STEPS = 25;
const steps = (count: number) => ({ epochs: count / EPOCH_STEPS, stepsPerEpoch: EPOCH_STEPS });

const QUICK: ScaleSettings = {
  vocabSize: 256,
  dims: [32, 64],
  lengths: [16, 32, 64],
  testLengths: [],
  learningRates: [5e-3],
  seeds: [0],
  train: {
    batchSize: 32,
    ...steps(1500),
    decayed: 'all',
    stopAt: 0.999,
    validationExamples: 128,
    testExamples: 256,
  },
  enoughAt: 0.99,
  dropout: 0,
  init: 'fanIn',
  normalizeQK: true,
};

const SMALL: ScaleSettings = {
  ...QUICK,
  vocabSize: 512,
  lengths: [32, 64, 128],
  learningRates: [1e-2, 3e-3],
  train: { ...QUICK.train, ...steps(3000), testExamples: 512 },
};

const PAPER_EXAMPLES = 100_000;
const PAPER_BATCH = { 64: 512, 128: 512, 256: 256, 512: 128 };
const paperTrain = (examples: number) => ({
  batchSize: 512,
  epochs: 64,
  stepsPerEpoch: Math.floor(examples / 512),
  freshExamples: false,
  decayed: 'all' as const,
  stopAt: 0.99,
  validationExamples: 3000,
  testExamples: 3000,
});

const PAPER: ScaleSettings = {
  vocabSize: 8192,
  dims: [32, 64, 128],
  lengths: [64, 128, 256, 512],
  testLengths: [],
  learningRates: [1e-2, 1e-3, 1e-1],
  seeds: [0, 1, 2],
  train: paperTrain(PAPER_EXAMPLES),
  batchAt: PAPER_BATCH,
  enoughAt: null,
  dropout: 0.1,
  init: 'zoology',
  normalizeQK: false,
};

/** Test lengths from a quarter of the training length to eight times it, as in Figure 6. */
const generalizing = (trainLength: number) => ({
  lengths: [trainLength],
  testLengths: [1 / 4, 1 / 2, 1, 2, 4, 8].map((times) => times * trainLength),
});
/**
 * Every model trains to its end: what has only just reached 99 % generalises less far. The longest test takes twice the
 * vocabulary, for keys enough.
 */
const toTheEnd = (settings: ScaleSettings): ScaleSettings => ({
  ...settings,
  ...generalizing(settings.lengths.at(-1)!),
  vocabSize: 2 * settings.vocabSize,
  train: { ...settings.train, stopAt: null },
});
const PAPER_GENERALIZATION: ScaleSettings = {
  ...PAPER,
  ...generalizing(128),
  learningRates: [1e-2, 3e-3, 1e-3, 3e-2, 1e-1],
  seeds: [0, 1, 2, 3, 4],
  train: { ...PAPER.train, stopAt: null },
};

/** Settings by family of experiments and scale. */
export const settings = {
  mqar: { quick: QUICK, small: SMALL, paper: PAPER },
  mqnar: {
    quick: QUICK,
    small: SMALL,
    paper: { ...PAPER, lengths: [64, 128, 256], train: paperTrain(200_000) },
  },
  generalization: { quick: toTheEnd(QUICK), small: toTheEnd(SMALL), paper: PAPER_GENERALIZATION },
  /** One query in an example, so one answer to learn from: larger batches. */
  ar: {
    quick: oneQuery(toTheEnd(QUICK), 64),
    small: oneQuery(toTheEnd(SMALL), 128),
    paper: { ...PAPER_GENERALIZATION, dims: [128] },
  },
  recallState: {
    quick: { ...toTheEnd(QUICK), dims: [16, 32, 64], testLengths: [64, 128, 256] },
    small: { ...toTheEnd(SMALL), dims: [16, 32, 64, 128], testLengths: [128, 256, 512, 1024] },
    paper: { ...PAPER_GENERALIZATION, dims: [16, 32, 64, 128, 256], testLengths: [128, 256, 512, 1024] },
  },
  /** One answer an example, and few enough tokens to learn from it. Not of the paper, which trains no Landmark CAT. */
  landmark: {
    quick: landmarks({ ...QUICK, vocabSize: 64, dims: [8, 16, 32, 64], lengths: [32] }, 1000),
    small: landmarks({ ...SMALL, vocabSize: 128, dims: [8, 16, 32, 64, 128], lengths: [64] }, 3000),
    paper: landmarks({ ...PAPER, vocabSize: 512, dims: [16, 32, 64, 128, 256], lengths: [256] }, 20_000),
  },
} satisfies Record<string, Record<Scale, ScaleSettings>>;

/** Selective copying; its vocabulary is the task's own, signals and noise. */
export const copyingSettings: Record<Scale, CopyingSettings> = {
  quick: copying(8, { ...QUICK, lengths: [32, 64] }, 2000),
  small: copying(16, { ...SMALL, lengths: [64, 128, 256] }, 8000),
  paper: { ...PAPER, lengths: [64, 128, 256], learningRates: [1e-3, 1e-2, 1e-1], numSignals: 16 },
};

/** Gradients are clipped: without, single steps throw models back. */
function copying(numSignals: number, under: ScaleSettings, count: number): CopyingSettings {
  return { ...under, numSignals, learningRates: [3e-3], train: { ...under.train, ...steps(count), clipNorm: 1 } };
}

function oneQuery(under: ScaleSettings, dim: number): ScaleSettings {
  return { ...under, dims: [dim], train: { ...under.train, batchSize: 64, validationExamples: 512 } };
}

function landmarks(under: ScaleSettings, count: number): ScaleSettings {
  const budget = { ...steps(count), batchSize: 64, freshExamples: true, stopAt: null };
  const train = { ...under.train, ...budget, validationExamples: 256, testExamples: 1024 };
  const { batchAt: _, ...rest } = under;
  return { ...rest, learningRates: [1e-2], enoughAt: null, dropout: 0, train };
}
