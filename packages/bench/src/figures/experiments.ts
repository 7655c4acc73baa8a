/**
 * The experiments behind the paper's figures. Several figures share one: their runs are made once.
 *
 * Deviations from the paper, at every scale, besides those of the models: selective copying has distinct signals and one noise token,
 * learned positions, and CAT also with a filter as wide as there are signals, as in the proof of Theorem 4 (see
 * docs/selective-copying.md).
 */
import type { ExperimentConfig } from '../experiment/experiment.js';
import type { FigureExperiment } from './figure.js';
import {
  CAT,
  FIXED_STATES,
  LINCAT,
  type ModelOptions,
  type Models,
  NO_POSITIONS,
  ONE_LAYER,
  paperModels,
  recipeModels,
  TWO_LAYERS,
  WIDE_CAT,
} from './models.js';
import { copyingSettings, type ScaleSettings, settings } from './scales.js';

const ALL = [CAT, LINCAT, ...TWO_LAYERS, ...ONE_LAYER];

function modelsAt(at: ScaleSettings, labels: readonly string[], options: Partial<ModelOptions> = {}): Models {
  const models = at.models === 'recipes' ? recipeModels : paperModels;
  return models(labels, { normalizeQK: at.models === 'recipes', ...options });
}

/** Everything an experiment takes from its scale. */
function sized(at: ScaleSettings, optionsAt: (seqLen: number) => object = () => ({})): ExperimentConfig {
  const { dims, lengths, testLengths, learningRates, search, seeds, train, trainAt, enoughAt } = at;
  return {
    model: { positions: 'none', dropout: { embedding: at.models === 'paper' ? 0.1 : 0, residual: 0 } },
    train,
    testLengths: [...testLengths],
    learningRates: [...learningRates],
    search,
    seeds: [...seeds],
    sweep: {
      dims: [...dims],
      lengths: lengths.map((seqLen) => {
        const own = trainAt?.[seqLen];
        return { seqLen, ...optionsAt(seqLen), ...(own && { train: own }) };
      }),
      enoughAt,
    },
  };
}

const pairsAt =
  ({ tokensPerPair }: ScaleSettings) =>
  (seqLen: number) => ({ numKvPairs: seqLen / tokensPerPair });

/** At most the paper's k = 10, 20, 40 for L = 64, 128, 256: a pair and its query take five tokens. */
const mqnarPairsAt =
  ({ tokensPerPair }: ScaleSettings) =>
  (seqLen: number) => ({ numKvPairs: Math.floor(Math.min(seqLen / tokensPerPair, (10 * seqLen) / 64)) });

type Build = FigureExperiment['at'];

const mqar =
  (family: 'mqar' | 'generalization', description: string): Build =>
  (scale) => {
    const at = settings[family][scale];
    return {
      description,
      task: { task: '@mixerzoo/tasks#mqar', vocabSize: at.vocabSize },
      models: modelsAt(at, ALL),
      ...sized(at, pairsAt(at)),
    };
  };

const mqnar =
  (family: 'mqnar' | 'generalization', description: string): Build =>
  (scale) => {
    const at = settings[family][scale];
    return {
      description,
      task: { task: '@mixerzoo/tasks#mqnar', ngram: 2, vocabSize: at.vocabSize },
      models: modelsAt(at, ALL, { normalizeQK: true }),
      ...sized(at, mqnarPairsAt(at)),
    };
  };

const BUILDS = {
  'mqar-by-length': mqar('mqar', 'Multi-query recall by length'),
  'mqnar-by-length': mqnar('mqnar', 'Multi-query recall of 2-grams by length'),
  'mqar-generalization': mqar('generalization', 'Multi-query recall at lengths never trained on'),
  'mqnar-generalization': mqnar('generalization', 'Multi-query recall of 2-grams at lengths never trained on'),
  'ar-generalization': (scale) => {
    const at = settings.ar[scale];
    return {
      description: 'Recall of one association at lengths never trained on',
      task: { task: '@mixerzoo/tasks#ar', vocabSize: at.vocabSize },
      models: modelsAt(at, [CAT, 'Attention, 2 layers', NO_POSITIONS, 'Mamba, 2 layers']),
      ...sized(at, at.models === 'paper' ? undefined : pairsAt(at)), // the paper's are full
    };
  },
  'selective-copy': (scale) => {
    const at = copyingSettings[scale];
    return {
      description: `Copying of ${at.numSignals} signals among noise`,
      task: {
        task: '@mixerzoo/tasks#selectiveCopy',
        numSignals: at.numSignals,
        signalVocabSize: 2 * at.numSignals,
        noiseVocabSize: 1,
        variant: 'unique',
      },
      models: modelsAt(at, [CAT, LINCAT, WIDE_CAT, ...ONE_LAYER, ...TWO_LAYERS], {
        normalizeQK: false,
        wide: at.numSignals,
        positions: 'learned',
      }),
      ...sized(at),
      freeRunning: true,
    };
  },
  'recall-state': (scale) => {
    const at = settings.recallState[scale];
    return {
      description: 'Recall against the size of the state',
      task: { task: '@mixerzoo/tasks#mqar', vocabSize: at.vocabSize },
      models: modelsAt(at, [CAT, LINCAT, ...TWO_LAYERS, ...FIXED_STATES]),
      ...sized(at, pairsAt(at)),
    };
  },
  'learning-rate': (scale) => {
    const at = settings.learningRate[scale];
    return {
      description: 'Multi-query recall at every learning rate, each trained to its end',
      task: { task: '@mixerzoo/tasks#mqar', vocabSize: at.vocabSize },
      models: modelsAt(at, [CAT, LINCAT, ...TWO_LAYERS]),
      ...sized(at, pairsAt(at)),
    };
  },
  'landmark-capacity': (scale) => {
    const at = settings.landmark[scale];
    return {
      description: 'Recall of one association by landmarks of blocks',
      task: { task: '@mixerzoo/tasks#ar', vocabSize: at.vocabSize, randomNonQueries: true },
      models: Object.fromEntries(
        BLOCK_SIZES.map((blockSize) => [
          blockLabel(blockSize),
          { layers: [{ mixer: '@mixerzoo/landmark#landmarkCat', blockSize }] },
        ]),
      ),
      ...sized(at),
      model: { positions: 'none', dropout: { embedding: 0, residual: 0 } },
    };
  },
} satisfies Record<string, Build>;

/** The block sizes B of `landmark-capacity`. */
export const BLOCK_SIZES = [2, 4, 8];
/** The label of Landmark CAT with blocks of a size. */
export const blockLabel = (blockSize: number) => `Landmark CAT, B = ${blockSize}`;

type ExperimentId = keyof typeof BUILDS;

/** By id. */
export const experiments = Object.fromEntries(Object.entries(BUILDS).map(([id, at]) => [id, { id, at }])) as Record<
  ExperimentId,
  FigureExperiment
>;
