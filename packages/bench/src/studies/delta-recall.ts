/**
 * `mixerzoo study delta-recall`: what removing the old value of a key is worth to a state of one size.
 *
 * Linear attention adds `k v^T` to its state; the delta rule adds what the state lacks of it (I. Schlag, K. Irie, J. Schmidhuber, 2021,
 * arXiv 2102.11174), so that keys that are not orthogonal do not blur each other (S. Yang et al., 2024, arXiv 2406.06484, MQAR in Figure 2).
 * Both have the same heads, the same filters on q, k and v, and so the same state.
 */
import { fallsShortOf, leads, staysAbove } from '../figures/claims.js';
import { defineFigure, type FigureExperiment } from '../figures/figure.js';
import type { Scale } from '../figures/scales.js';
import { studyTraining } from './training.js';

interface Sizes {
  readonly dModel: number;
  readonly vocabSize: number;
  /** Training lengths L, with L / 4 pairs. */
  readonly lengths: readonly number[];
  readonly steps: number;
  readonly learningRates: readonly number[];
  readonly seeds: readonly number[];
}

const SIZES: Record<Scale, Sizes> = {
  quick: { dModel: 32, vocabSize: 128, lengths: [16, 32], steps: 600, learningRates: [1e-2, 3e-3], seeds: [0] },
  small: {
    dModel: 64,
    vocabSize: 256,
    lengths: [32, 64, 128],
    steps: 3000,
    learningRates: [1e-2, 3e-3, 1e-3],
    seeds: [0, 1, 2],
  },
  paper: {
    dModel: 128,
    vocabSize: 8192,
    lengths: [64, 128, 256, 512],
    steps: 12_000,
    learningRates: [1e-2, 3e-3, 1e-3],
    seeds: [0, 1, 2],
  },
};

const nHeads = 2;
/** Those of DeltaNet, for both. */
const filters = { filters: 'perChannel', filterWidth: 4, filterInit: 'uniform', filterActivation: 'silu' };

const DELTA = 'DeltaNet';
const SUMS = ['Linear attention', 'Linear attention, elu + 1'];
const models = {
  [DELTA]: { layers: [{ mixer: '@mixerzoo/delta#deltaNet', nHeads }] },
  [SUMS[0]!]: { layers: [{ mixer: '@mixerzoo/cat#linCat', nHeads, ...filters, featureMap: 'identity' }] },
  [SUMS[1]!]: { layers: [{ mixer: '@mixerzoo/cat#linCat', nHeads, ...filters }] },
};

const experiment: FigureExperiment = {
  id: 'delta-recall',
  at(scale) {
    const { dModel, vocabSize, lengths, steps, learningRates, seeds } = SIZES[scale];
    return {
      description: 'Multi-query recall with and without removal',
      task: { task: '@mixerzoo/tasks#mqar', vocabSize },
      model: { dModel, positions: 'none', embeddingStd: 0.1, dropout: { embedding: 0, residual: 0 } },
      models,
      train: studyTraining(steps),
      learningRates: [...learningRates],
      seeds: [...seeds],
      sweep: { lengths: lengths.map((seqLen) => ({ seqLen, numKvPairs: seqLen / 4 })), enoughAt: 0.99 },
    };
  },
};

const SOURCE = 'arXiv 2406.06484, Figure 2';

/** `delta-recall`. */
export const deltaRecall = defineFigure({
  id: 'delta-recall',
  title: 'Recall with and without removal',
  question: 'What is removing the old value of a key worth to a state of one size?',
  caption: 'MQAR with L / 4 pairs, one layer; heads, filters and so the state are the same.',
  x: 'trainLength',
  rows: [{ title: 'MQAR', experiment, models: [DELTA, ...SUMS] }],
  claims: [
    staysAbove(0.9, { models: [DELTA] }, SOURCE, 'DeltaNet stays above 90 % at every length'),
    leads(
      DELTA,
      { models: SUMS },
      SOURCE,
      'DeltaNet is at least level with linear attention of the same state at every length',
    ),
    fallsShortOf(0.9, { models: SUMS }, SOURCE, 'Linear attention of the same state falls below 90 %'),
  ],
});
