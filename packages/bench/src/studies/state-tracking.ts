/**
 * `mixerzoo study state-tracking`: which mixers track a state at lengths never seen.
 *
 * A token is an element of a group, the label at every token the product so far. What is learned of all prefixes up to the training length
 * is tested beyond it: a model may look good at L by unrolling as many steps as it has layers, which is no state.
 *
 * 1. R. Grazzi, J. Siems, A. Zela, J. Franke, F. Hutter, M. Pontil: Unlocking state-tracking in linear RNNs through negative eigenvalues,
 *    2024, arXiv 2411.12537: parity needs an eigenvalue that is not positive; counting modulo more than 2 a transition that is not
 *    triangular.
 * 2. W. Merrill, J. Petty, A. Sabharwal: The illusion of state in state-space models, 2024, arXiv 2404.08819: neither attention nor an SSM
 *    of fixed depth composes S5 or A5.
 * 3. J. Siems, T. Carstensen, A. Zela, F. Hutter, M. Pontil, R. Grazzi: DeltaProduct, 2025, arXiv 2502.10297: a token is one reflection,
 *    which a swap is and most permutations are not.
 */
import type { LayerOptions } from '../experiment/experiment.js';
import { fallsShortOf, staysAbove } from '../figures/claims.js';
import { defineFigure, type FigureExperiment, type FigureRow } from '../figures/figure.js';
import type { Scale } from '../figures/scales.js';

/** Sizes and budget at a scale, the same for every group and model. */
interface Sizes {
  readonly dModel: number;
  readonly nLayers: number;
  readonly seqLen: number;
  /** Steps of the training. */
  readonly steps: number;
  readonly learningRates: readonly number[];
  readonly seeds: readonly number[];
}

const SIZES: Record<Scale, Sizes> = {
  quick: { dModel: 32, nLayers: 1, seqLen: 32, steps: 360, learningRates: [1e-2, 3e-3], seeds: [0] },
  small: { dModel: 64, nLayers: 1, seqLen: 64, steps: 2000, learningRates: [1e-2, 3e-3, 1e-3], seeds: [0, 1, 2] },
  paper: {
    dModel: 128,
    nLayers: 2,
    seqLen: 128,
    steps: 20_000,
    learningRates: [3e-3, 1e-3, 3e-4],
    seeds: [0, 1, 2, 3, 4],
  },
};

/** After a third of the training the better half of the rates goes on. */
const EPOCHS = 6;
/** Heads of every mixer that has some. */
const nHeads = 2;

/** Eigenvalues of the transition reach to -1, or not below 0. Filters, which mix neighbours before the rule sees them, are off. */
const delta = (mixer: string, allowNegEigval: boolean) => ({
  mixer: `@mixerzoo/delta#${mixer}`,
  nHeads,
  allowNegEigval,
  filterWidth: 0,
});

const NEGATIVE = ['DeltaNet [-1, 1]', 'Gated DeltaNet [-1, 1]'];
const POSITIVE = ['DeltaNet [0, 1]', 'Gated DeltaNet [0, 1]', 'Mamba', 'GLA', 'mLSTM', 'Linear attention'];
const QUADRATIC = ['Attention', 'CAT'];
/** Whose transition has an eigenvalue below 0. */
const REFLECTING = [...NEGATIVE, 'RWKV-7'];

/** The layer of a model, by label. */
const LAYERS: Readonly<Record<string, LayerOptions>> = {
  'DeltaNet [-1, 1]': delta('deltaNet', true),
  'Gated DeltaNet [-1, 1]': delta('gatedDeltaNet', true),
  'RWKV-7': { mixer: '@mixerzoo/rwkv#rwkv7', nHeads },
  'DeltaNet [0, 1]': delta('deltaNet', false),
  'Gated DeltaNet [0, 1]': delta('gatedDeltaNet', false),
  Mamba: { mixer: '@mixerzoo/mamba#mamba' },
  GLA: { mixer: '@mixerzoo/gla#gla', nHeads },
  mLSTM: { mixer: '@mixerzoo/xlstm#mLstm', nHeads },
  'Linear attention': { mixer: '@mixerzoo/cat#linearAttention', nHeads },
  Attention: { mixer: '@mixerzoo/attention#attention', nHeads, positional: 'rope', dropout: 0 },
  CAT: { mixer: '@mixerzoo/cat#cat', nHeads, dropout: 0 },
};

/** A row of the study: one group, composed of all its elements or of some that generate it. */
function tracking(
  title: string,
  id: string,
  task: Readonly<Record<string, string>>,
  labels: readonly string[] = Object.keys(LAYERS),
): FigureRow {
  const experiment: FigureExperiment = {
    id,
    at(scale) {
      const { dModel, nLayers, seqLen, steps, learningRates, seeds } = SIZES[scale];
      return {
        description: `${title} at lengths never trained on`,
        task: { task: '@mixerzoo/tasks#stateTracking', ...task, seqLen },
        model: { dModel, positions: 'none', embeddingStd: 0.1, dropout: { embedding: 0, residual: 0 } },
        models: Object.fromEntries(labels.map((label) => [label, { layers: [LAYERS[label]!], nLayers }])),
        train: {
          batchSize: 64,
          epochs: EPOCHS,
          stepsPerEpoch: Math.ceil(steps / EPOCHS),
          warmupSteps: 50,
          clipNorm: 1,
          decayed: 'all',
          validationExamples: 256,
          testExamples: 512,
        },
        testLengths: [1, 2, 4].map((times) => times * seqLen),
        learningRates: [...learningRates],
        seeds: [...seeds],
        search: { rungs: [EPOCHS / 3], keep: 0.5 },
      };
    },
  };
  return { title, experiment, models: labels };
}

const PARITY = 'Parity';
const SWAPS = 'S3, by swaps';
const A5 = 'A5';

const keepsTrack = (label: string, row: string, source: string) =>
  staysAbove(0.9, { models: [label], row }, source, `${row}: ${label} stays above 90 % at lengths never seen`);
const losesTrack = (labels: readonly string[], row: string, source: string, who: string) =>
  fallsShortOf(0.9, { models: labels, row }, source, `${row}: ${who} fall below 90 %`);

/** `state-tracking`. */
export const stateTracking = defineFigure({
  id: 'state-tracking',
  title: 'State tracking at lengths never trained on',
  question: 'Which mixers track a state at lengths never seen?',
  caption:
    'The product of all group elements so far, asked at every token; trained at the dashed length. In brackets: where the eigenvalues of a delta rule’s transition lie.',
  x: 'testLength',
  rows: [
    tracking(PARITY, 'track-parity', { group: 'Z2' }),
    tracking(SWAPS, 'track-swaps', { group: 'S3', generators: 'transpositions' }),
    tracking(A5, 'track-a5', { group: 'A5' }, REFLECTING),
  ],
  claims: [
    ...NEGATIVE.map((label) => keepsTrack(label, PARITY, 'arXiv 2411.12537, Theorem 1')),
    losesTrack(
      POSITIVE,
      PARITY,
      'arXiv 2411.12537, Theorem 1',
      'the same without negative eigenvalues, Mamba, GLA, mLSTM and linear attention',
    ),
    losesTrack(QUADRATIC, PARITY, 'arXiv 2411.12537', 'attention and CAT'),
    keepsTrack('DeltaNet [-1, 1]', SWAPS, 'arXiv 2502.10297'),
    losesTrack(POSITIVE, SWAPS, 'arXiv 2411.12537', 'all linear mixers with positive eigenvalues'),
    losesTrack(REFLECTING, A5, 'arXiv 2502.10297', 'even those with negative eigenvalues, one reflection a token,'),
  ],
});
