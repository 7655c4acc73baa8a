/**
 * `mixerzoo study short-filters`: who needs a short filter, where, and how wide.
 *
 * Every mixer stands in one block (norm, mixer, norm, SwiGLU) whose channel mixer is as wide as makes all models of a scale equally large.
 * Filters are depthwise and causal: at A before the mixer and at C before the channel mixer as in Canon layers (residual, no activation),
 * at B on queries, keys and values as the mixer itself has them.
 *
 * 1. M. Li, X. Zhang, Y. Huang, S. Oymak: On the power of convolution augmented transformer, 2024, arXiv 2407.05591: attention with B.
 * 2. Z. Allen-Zhu: Physics of language models, part 4.1: architecture design and the magic of Canon layers, 2025: places A to D.
 */
import { fallsShortOf, leads, staysAbove } from '../figures/claims.js';
import { defineFigure, type FigureExperiment } from '../figures/figure.js';
import type { Scale } from '../figures/scales.js';
import { labels, modelsAt, VARIANTS } from './filtered-models.js';
import { studyTraining } from './training.js';
import { gainsEverywhere, levelEverywhere } from './variant-claims.js';

interface Sizes {
  readonly dModel: number;
  readonly seqLen: number;
  readonly vocabSize: number;
  readonly steps: number;
  readonly learningRates: readonly number[];
  readonly seeds: readonly number[];
}

const SIZES: Record<Scale, Sizes> = {
  quick: { dModel: 32, seqLen: 32, vocabSize: 64, steps: 250, learningRates: [1e-2, 3e-3], seeds: [0] },
  small: { dModel: 64, seqLen: 64, vocabSize: 256, steps: 800, learningRates: [1e-2, 3e-3], seeds: [0] },
  paper: {
    dModel: 128,
    seqLen: 256,
    vocabSize: 8192,
    steps: 20_000,
    learningRates: [1e-2, 3e-3, 1e-3, 3e-4],
    seeds: [0, 1, 2],
  },
};

/** What a task of the study is, by the sizes of a scale. */
type TaskAt = (sizes: Sizes) => Readonly<Record<string, unknown>> & { readonly task: string };

function study(id: string, description: string, taskAt: TaskAt): FigureExperiment {
  return {
    id: `short-filters-${id}`,
    at(scale) {
      const sizes = SIZES[scale];
      const { dModel, seqLen, steps, learningRates, seeds } = sizes;
      return {
        description,
        task: { seqLen, ...taskAt(sizes) },
        model: { dModel, positions: 'none', embeddingStd: 0.1, dropout: { embedding: 0, residual: 0 } },
        models: modelsAt(dModel),
        train: studyTraining(steps),
        learningRates: [...learningRates],
        seeds: [...seeds],
        sweep: { enoughAt: 0.99 },
      };
    },
  };
}

const TASKS = {
  MQAR: study('mqar', 'Recall of pairs', ({ seqLen, vocabSize }) => ({
    task: '@mixerzoo/tasks#mqar',
    vocabSize,
    numKvPairs: seqLen / 8,
  })),
  MQNAR: study('mqnar', 'Recall of pairs whose keys are 2-grams', ({ seqLen, vocabSize }) => ({
    task: '@mixerzoo/tasks#mqnar',
    ngram: 2,
    vocabSize,
    numKvPairs: seqLen / 8,
  })),
  Copying: study('copy', 'Tokens in order', ({ vocabSize }) => ({
    task: '@mixerzoo/tasks#copy',
    symbolVocabSize: Math.min(vocabSize, 64) / 4,
  })),
  'State tracking': study('swaps', 'Which of three things is where, after swaps', () => ({
    task: '@mixerzoo/tasks#stateTracking',
    group: 'S3',
    generators: 'transpositions',
  })),
};

const PAPER = 'arXiv 2407.05591';
const CANON = 'Physics of language models 4.1';
const OURS = 'this repository';

/** `short-filters`. */
export const shortFilters = defineFigure({
  id: 'short-filters',
  title: 'Short filters: who needs one, where, and how wide',
  question: 'Who needs a short filter, where, and how wide?',
  caption:
    'Accuracy in percent of one layer with filters of four taps before the mixer (A), on queries, keys and values (B), before the channel mixer (C); A2, A3 and A8 have two, three and eight. All models of a scale are equally large.',
  x: 'variant',
  rows: Object.entries(TASKS).map(([title, experiment]) => ({ title, experiment, models: labels })),
  claims: [
    fallsShortOf(
      0.9,
      { models: ['Attention: none', 'Attention: C'], row: 'MQAR' },
      `${PAPER}, Section 6.1`,
      'MQAR: one layer of attention without a filter before the mixer or in it is below 90 %',
    ),
    staysAbove(
      0.99,
      { models: ['Attention: A', 'Attention: B'], row: 'MQAR' },
      `${PAPER}, Theorem 1`,
      'MQAR: with one before it (A) or in it (B: CAT) it is above 99 %',
    ),
    gainsEverywhere(
      10,
      { row: 'MQAR', from: 'none', to: 'A' },
      CANON,
      'MQAR: every mixer gains 10 points or more from a filter before it',
    ),
    levelEverywhere(5, { row: 'MQAR', from: 'A', to: 'B' }, OURS, 'MQAR: A and B are level, to 5 points'),
    levelEverywhere(
      10,
      { row: 'MQAR', from: 'none', to: 'C' },
      OURS,
      'MQAR: a filter after the mixer (C) makes no difference of 10 points in one layer',
    ),
    fallsShortOf(
      0.9,
      { models: ['Attention: A2'], row: 'MQNAR' },
      `${PAPER}, Theorem 1`,
      'MQNAR: two taps are too few for 2-grams (below 90 %)',
    ),
    gainsEverywhere(
      5,
      { row: 'MQNAR', from: 'A2', to: 'A3', but: ['RWKV-7'] },
      `${PAPER}, Theorem 1`,
      'MQNAR: every mixer gains 5 points or more from the third tap',
    ),
    leads(
      'DeltaNet: none',
      {
        models: Object.keys(VARIANTS)
          .filter((variant) => variant !== 'none')
          .map((variant) => `DeltaNet: ${variant}`),
        row: 'State tracking',
      },
      OURS,
      'State tracking: no filter serves DeltaNet better than none',
    ),
  ],
});
