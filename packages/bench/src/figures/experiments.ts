/**
 * The experiments behind the paper's figures. Several figures share one: their runs are made once.
 *
 * Deviations from the paper, at every scale: CAT on 2-gram recall normalises filtered queries and keys, as Theorem 1
 * does and without which the keys (a a) and (a b) are told apart hardly at all; Mamba starts as its own code does;
 * selective copying has distinct signals and one noise token, learned positions, and CAT also with a filter as wide as
 * there are signals, as in the proof of Theorem 4 (see docs/selective-copying.md).
 */
import type { ExperimentConfig } from '../experiment/experiment.js';
import type { FigureExperiment } from './figure.js';
import { copyingSettings, type ScaleSettings, settings } from './scales.js';

/** Parts are named with their package, so that one of the same name in an installed plugin makes no figure ambiguous. */
const RMS_NORM = '@mixerzoo/core#rmsNorm';

type Models = NonNullable<ExperimentConfig['models']>;

/** What a model of a figure is made of. */
interface ModelOptions extends Pick<ScaleSettings, 'dropout' | 'init'> {
  /** Taps W of the filters. Default: 3. */
  readonly filterWidth?: number;
  readonly normalizeQK?: boolean;
  /** Learned positions for CAT and LinCAT too, which recall without them. */
  readonly positions?: 'learned';
}

/** CAT and LinCAT, one layer; W = 3. */
function catModels({ dropout, init, filterWidth = 3, normalizeQK = false, positions }: ModelOptions): Models {
  const model = positions ? { model: { positions } } : {};
  return {
    'CAT, 1 layer': {
      layers: [{ mixer: '@mixerzoo/cat#cat', filterWidth, init, dropout, ...(normalizeQK ? { normalizeQK } : {}) }],
      ...model,
    },
    'LinCAT, 1 layer': { layers: [{ mixer: '@mixerzoo/cat#linCat', filterWidth, init }], ...model },
  };
}

/** The models CAT is compared with. Attention learns positions; Based and Mamba need none. */
function others(nLayers: 1 | 2, { dropout, init }: ModelOptions): Models {
  const layers = nLayers === 1 ? '1 layer' : '2 layers';
  const based = { mixer: '@mixerzoo/based#based', ...asNamedIn(init) };
  return {
    [`Attention, ${layers}`]: {
      layers: [{ mixer: '@mixerzoo/attention#attention', init, dropout }],
      nLayers,
      model: { positions: 'learned' },
    },
    [`Based, ${layers}`]: {
      layers: nLayers === 1 ? [based] : ['@mixerzoo/based#baseConv', based],
    },
    [`Mamba, ${layers}`]: {
      layers: ['@mixerzoo/mamba#mamba'],
      nLayers,
      model: { norm: RMS_NORM, residual: 'mixerOnly' },
    },
  };
}

/** zoology divides the start of output projections by sqrt(2 layers), except those that Based and GLA name otherwise. */
const asNamedIn = (init: ModelOptions['init']) => (init === 'zoology' ? { init: 'normal' } : {});

/** Everything an experiment takes from its scale. */
function sized(at: ScaleSettings, kAt: (seqLen: number) => object): ExperimentConfig {
  const { dims, lengths, testLengths, learningRates, seeds, train, batchAt, enoughAt, dropout } = at;
  const examples = (train.batchSize ?? 1) * (train.stepsPerEpoch ?? 1);
  return {
    model: { positions: 'none', dropout: { embedding: dropout, residual: 0 } },
    train,
    testLengths: [...testLengths],
    learningRates: [...learningRates],
    seeds: [...seeds],
    sweep: {
      dims: [...dims],
      lengths: lengths.map((seqLen) => {
        const batchSize = batchAt?.[seqLen];
        const own = batchSize && { train: { batchSize, stepsPerEpoch: Math.floor(examples / batchSize) } };
        return { seqLen, ...kAt(seqLen), ...own };
      }),
      enoughAt,
    },
  };
}

/** k = 16, 32, 64, 128 for L = 64, 128, 256, 512. */
const mqarPairs = (seqLen: number) => ({ numKvPairs: seqLen / 4 });
/** k = 10, 20, 40 for L = 64, 128, 256. */
const mqnarPairs = (seqLen: number) => ({ numKvPairs: Math.floor((10 * seqLen) / 64) });
const asTheTask = () => ({});

type Build = FigureExperiment['at'];

const BUILDS = {
  'mqar-by-length': (scale) => {
    const at = settings.mqar[scale];
    return {
      description: 'Multi-query recall by length',
      task: { task: '@mixerzoo/tasks#mqar', vocabSize: at.vocabSize },
      models: { ...catModels(at), ...others(2, at), ...others(1, at) },
      ...sized(at, mqarPairs),
    };
  },
  'mqnar-by-length': (scale) => {
    const at = settings.mqnar[scale];
    return {
      description: 'Multi-query recall of 2-grams by length',
      task: { task: '@mixerzoo/tasks#mqnar', ngram: 2, vocabSize: at.vocabSize },
      models: { ...catModels({ ...at, normalizeQK: true }), ...others(2, at), ...others(1, at) },
      ...sized(at, mqnarPairs),
    };
  },
  'mqar-generalization': (scale) => {
    const at = settings.generalization[scale];
    return {
      description: 'Multi-query recall at lengths never trained on',
      task: { task: '@mixerzoo/tasks#mqar', vocabSize: at.vocabSize },
      models: { ...catModels(at), ...others(2, at), ...others(1, at) },
      ...sized(at, mqarPairs),
    };
  },
  'mqnar-generalization': (scale) => {
    const at = settings.generalization[scale];
    return {
      description: 'Multi-query recall of 2-grams at lengths never trained on',
      task: { task: '@mixerzoo/tasks#mqnar', ngram: 2, vocabSize: at.vocabSize },
      models: { ...catModels({ ...at, normalizeQK: true }), ...others(2, at), ...others(1, at) },
      ...sized(at, mqnarPairs),
    };
  },
  'ar-generalization': (scale) => {
    const at = settings.ar[scale];
    const { 'Attention, 2 layers': attention, 'Mamba, 2 layers': mamba } = others(2, at);
    return {
      description: 'Recall of one association at lengths never trained on',
      task: { task: '@mixerzoo/tasks#ar', vocabSize: at.vocabSize },
      models: {
        'CAT, 1 layer': catModels(at)['CAT, 1 layer']!,
        'Attention, 2 layers': attention!,
        'Attention, no PE': { ...attention!, model: { positions: 'none' } },
        'Mamba, 2 layers': mamba!,
      },
      ...sized(at, asTheTask),
    };
  },
  'selective-copy': (scale) => {
    const at = copyingSettings[scale];
    const options = { ...at, normalizeQK: false, positions: 'learned' as const };
    return {
      description: `Copying of ${at.numSignals} signals among noise`,
      task: {
        task: '@mixerzoo/tasks#selectiveCopy',
        numSignals: at.numSignals,
        signalVocabSize: 2 * at.numSignals,
        noiseVocabSize: 1,
        variant: 'unique',
      },
      models: {
        ...catModels(options),
        'CAT W = N, 1 layer': catModels({ ...options, filterWidth: at.numSignals })['CAT, 1 layer']!,
        ...others(1, at),
        ...others(2, at),
      },
      ...sized(at, asTheTask),
      freeRunning: true,
    };
  },
  'recall-state': (scale) => {
    const at = settings.recallState[scale];
    return {
      description: 'Recall against the size of the state',
      task: { task: '@mixerzoo/tasks#mqar', vocabSize: at.vocabSize },
      models: {
        ...catModels(at),
        ...others(2, at),
        'Mamba-2, 2 layers': {
          layers: ['@mixerzoo/mamba#mamba2'],
          nLayers: 2,
          model: { norm: RMS_NORM, residual: 'mixerOnly' },
        },
        'GLA, 2 layers': { layers: [{ mixer: '@mixerzoo/gla#gla', ...asNamedIn(at.init) }], nLayers: 2 },
        'Sliding window, 2 layers': {
          layers: [{ mixer: '@mixerzoo/attention#slidingWindow', window: 32, init: at.init, dropout: at.dropout }],
          nLayers: 2,
          model: { positions: 'learned' },
        },
      },
      ...sized(at, mqarPairs),
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
      ...sized(at, asTheTask),
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
