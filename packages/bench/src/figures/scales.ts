/**
 * How large a figure is made. All scales use one definition of each figure; a scale sets sizes, budget, and by what the models
 * are made: the same for every model.
 *
 * `paper` is Appendix A.1 of arXiv 2407.05591, with what it leaves open as in zoology (arXiv 2312.04927), whose set-up
 * it follows: vocabulary 8,192 (printed as 8,092), 64 epochs over fixed examples, batches of 512, 256 and 128, dropout
 * on embedding and attention map. `quick` and `small` are meant to be small enough for each family that the paper shows learning to learn in
 * some cell: few tokens and pairs, fresh examples, each model by the recipe of its own package, and its learning rate searched
 * with the same protocol and budget.
 */
import { recallRecipe } from '@mixerzoo/core';
import type { ExperimentConfig } from '../experiment/experiment.js';

export const SCALES = ['quick', 'small', 'paper'] as const;
export type Scale = (typeof SCALES)[number];

type Train = NonNullable<ExperimentConfig['train']>;

/** Sizes and budget of one family of experiments at one scale. */
export interface ScaleSettings {
  /** What models are: the zoo's recipes for recall, in the packages of their mixers, or as the paper and zoology have them. */
  readonly models: 'recipes' | 'paper';
  readonly vocabSize: number;
  readonly dims: readonly number[];
  /** Training lengths. */
  readonly lengths: readonly number[];
  readonly testLengths: readonly number[];
  /** Tokens for each pair of an example: L = 64 holds 16 pairs at 4. */
  readonly tokensPerPair: number;
  /** In order of promise, the same for every model. */
  readonly learningRates: readonly number[];
  /** How rates are searched; null: every rate with every seed. */
  readonly search: NonNullable<ExperimentConfig['search']> | null;
  readonly seeds: readonly number[];
  readonly train: Train;
  /** Size of the training by training length, where it is not that of `train`. */
  readonly trainAt?: Readonly<Record<number, Pick<Train, 'batchSize' | 'stepsPerEpoch'>>>;
  readonly enoughAt: number | null;
}

export interface CopyingSettings extends ScaleSettings {
  readonly numSignals: number;
}

const steps = (count: number, epochs: number) => ({ epochs, stepsPerEpoch: count / epochs });

/** 1,024 tokens a step at every length. */
const QUICK: ScaleSettings = {
  models: 'recipes',
  vocabSize: 128,
  dims: [32, 64],
  lengths: [16, 32, 64],
  testLengths: [],
  tokensPerPair: 8,
  // A decade, and none left out before half of the training: at length 32 Mamba and attention recall after a thousand steps on a plateau.
  learningRates: [1e-2, 3e-2, 3e-3],
  search: { rungs: [15], keep: 0.34 },
  seeds: [0],
  train: {
    ...recallRecipe.train,
    batchSize: 64,
    ...steps(3000, 30),
    stopAt: 0.999,
    validationExamples: 256,
    testExamples: 256,
  },
  trainAt: { 32: { batchSize: 32 }, 64: { batchSize: 16 } },
  enoughAt: 0.99,
};

/** `small` is `quick` with three seeds: the runs of one are a part of the other's. */
const scales = <S extends ScaleSettings>(quick: S, paper: S): Record<Scale, S> => ({
  quick,
  small: { ...quick, seeds: [0, 1, 2] },
  paper,
});

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
/** The examples of an epoch stay the same in number. */
const paperTrainAt = (examples: number) => ({
  256: { batchSize: 256, stepsPerEpoch: Math.floor(examples / 256) },
  512: { batchSize: 128, stepsPerEpoch: Math.floor(examples / 128) },
});
const PAPER_EXAMPLES = 100_000;

const PAPER: ScaleSettings = {
  models: 'paper',
  vocabSize: 8192,
  dims: [32, 64, 128],
  lengths: [64, 128, 256, 512],
  testLengths: [],
  tokensPerPair: 4,
  learningRates: [1e-2, 1e-3, 1e-1],
  search: null,
  seeds: [0, 1, 2],
  train: paperTrain(PAPER_EXAMPLES),
  trainAt: paperTrainAt(PAPER_EXAMPLES),
  enoughAt: null,
};

/** Trained at one length, tested at others: multiples of it. Every model trains to its end: what has only just reached 99 % generalises less far. */
const generalizing = (settings: ScaleSettings, trainLength: number, multiples: readonly number[]): ScaleSettings => ({
  ...settings,
  lengths: [trainLength],
  testLengths: multiples.map((times) => times * trainLength),
  train: { ...settings.train, stopAt: null },
});
/** As in Figure 6. */
const FIGURE_6 = [1 / 4, 1 / 2, 1, 2, 4, 8];

const QUICK_GENERALIZATION = generalizing(QUICK, 16, [1 / 2, 1, 2, 4, 8]); // a quarter holds no query
const PAPER_GENERALIZATION: ScaleSettings = {
  ...generalizing(PAPER, 128, FIGURE_6),
  learningRates: [1e-2, 3e-3, 1e-3, 3e-2, 1e-1],
  seeds: [0, 1, 2, 3, 4],
};

/** Half decades. */
const RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1];

/** Settings by family of experiments and scale. */
export const settings = {
  mqar: scales(QUICK, PAPER),
  mqnar: scales(QUICK, {
    ...PAPER,
    lengths: [64, 128, 256],
    train: paperTrain(200_000),
    trainAt: paperTrainAt(200_000),
  }),
  generalization: scales(QUICK_GENERALIZATION, PAPER_GENERALIZATION),
  /** One query in an example, so one answer to learn from: short examples, and many of them. */
  ar: scales(oneQuery({ ...generalizing(QUICK, 8, [1, 2, 4, 8]), vocabSize: 64 }, 64, 256), {
    ...PAPER_GENERALIZATION,
    dims: [128],
  }),
  recallState: scales(
    { ...QUICK_GENERALIZATION, dims: [16, 32, 64], testLengths: [16, 32, 64] },
    { ...PAPER_GENERALIZATION, dims: [16, 32, 64, 128, 256], testLengths: [128, 256, 512, 1024] },
  ),
  /** Every rate to its end. */
  learningRate: scales(everyRate({ ...QUICK, lengths: [16] }), everyRate({ ...PAPER, lengths: [64] })),
  /** One answer an example, and few enough tokens to learn from it. Not of the paper, which trains no Landmark CAT. */
  landmark: {
    quick: landmarks({ ...QUICK, vocabSize: 64, dims: [8, 16, 32, 64], lengths: [32] }, 1000),
    small: landmarks({ ...QUICK, vocabSize: 128, dims: [8, 16, 32, 64, 128], lengths: [64] }, 3000),
    paper: landmarks({ ...PAPER, vocabSize: 512, dims: [16, 32, 64, 128, 256], lengths: [256] }, 20_000),
  },
} satisfies Record<string, Record<Scale, ScaleSettings>>;

/** Selective copying; its vocabulary is the task's own, signals and noise. */
export const copyingSettings = scales<CopyingSettings>(
  { ...QUICK, lengths: [16, 32], numSignals: 4 },
  { ...PAPER, lengths: [64, 128, 256], learningRates: [1e-3, 1e-2, 1e-1], numSignals: 16 },
);

function oneQuery(under: ScaleSettings, dim: number, batchSize: number): ScaleSettings {
  return { ...under, dims: [dim], tokensPerPair: 4, train: { ...under.train, batchSize } };
}

function everyRate(under: ScaleSettings): ScaleSettings {
  return { ...under, dims: [64], learningRates: RATES, search: null, enoughAt: null };
}

function landmarks({ trainAt: _, ...under }: ScaleSettings, count: number): ScaleSettings {
  const train = { batchSize: 64, ...steps(count, count / 25), decayed: 'all' as const };
  return {
    ...under,
    learningRates: [1e-2],
    search: null,
    enoughAt: null,
    train: { ...train, validationExamples: 256, testExamples: 1024 },
  };
}
