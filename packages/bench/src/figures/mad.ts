/**
 * `mad`: the score of MAD (Poli et al. 2024, arXiv 2403.17844), six tasks that tell sequence mixers apart cheaply.
 *
 * The score of a task is the mean accuracy over its settings (mad-settings.ts), each of the best of the learning rates and weight decays that
 * are tried; MAD's score is the mean over the six. Models are two layers of a mixer and a SwiGLU of width d = 128; mixers whose
 * state does not grow hold 32 d numbers a layer (4,096), beside short filters. `paper` trains as MAD does: 12,800 examples (256 of
 * memorization), batches of 128, 200 epochs, rates of 1e-4, 5e-4 and 1e-3 that fall to 1e-6 by a cosine, weight decays of 0 and 0.1:
 * 396 runs a model. `quick` and `small` try less, train for fewer steps and start embeddings at N(0, 0.1); `quick` has d = 64 and six models.
 *
 * Deviations, at every scale: the best run is chosen on validation, where MAD chooses on the test examples; accuracy is over
 * answers, where MAD takes the mean over classes; models learn from answers alone, where MAD's recall trains on every next token.
 */
import type { ExperimentConfig } from '../experiment/experiment.js';
import type { FigureExperiment, TrainedFigure } from './figure.js';
import { MAD_TASKS, type MadTask, madSettings } from './mad-settings.js';
import type { Scale } from './scales.js';

type Models = NonNullable<ExperimentConfig['models']>;

/** What a scale trains. */
interface MadScale {
  readonly dModel: number;
  readonly models: readonly MadModel[];
  readonly train: NonNullable<ExperimentConfig['train']> & { readonly batchSize: number };
  readonly learningRates: readonly number[];
  readonly weightDecays: readonly number[];
  readonly embeddingStd: number;
}

const ALL_MODELS = ['Attention', 'CAT', 'LinCAT', 'Hyena', 'Mamba-2', 'GLA', 'Gated DeltaNet', 'mLSTM'] as const;
type MadModel = (typeof ALL_MODELS)[number];

const SCALES: Record<Scale, MadScale> = {
  quick: {
    dModel: 64,
    models: ['Attention', 'CAT', 'Hyena', 'Mamba-2', 'GLA', 'Gated DeltaNet'],
    train: {
      batchSize: 32,
      epochs: 8,
      stepsPerEpoch: 50,
      warmupSteps: 50,
      clipNorm: 1,
      validationExamples: 128,
      testExamples: 256,
    },
    learningRates: [3e-3],
    weightDecays: [0.1],
    embeddingStd: 0.1,
  },
  small: {
    dModel: 64,
    models: ALL_MODELS,
    train: {
      batchSize: 32,
      epochs: 3,
      stepsPerEpoch: 400,
      freshExamples: false,
      warmupSteps: 50,
      clipNorm: 1,
      testExamples: 512,
    },
    learningRates: [3e-3, 1e-3],
    weightDecays: [0.1],
    embeddingStd: 0.1,
  },
  paper: {
    dModel: 128,
    models: ALL_MODELS,
    train: {
      batchSize: 128,
      epochs: 200,
      stepsPerEpoch: 100,
      freshExamples: false,
      minLearningRate: 1e-6,
      validationExamples: 1280,
      testExamples: 1280,
    },
    learningRates: [5e-4, 1e-3, 1e-4],
    weightDecays: [0, 0.1],
    embeddingStd: 0.02,
  },
};

/** The mixers, of equal states where they have one: heads of 32 keys and 32 values. */
function mixersOf(dModel: number, maxLength: number, init: 'fanIn' | 'zoology'): Record<MadModel, object> {
  const nHeads = dModel / 32;
  return {
    Attention: { mixer: '@mixerzoo/attention#attention', nHeads, positional: 'rope', dropout: 0, init },
    CAT: { mixer: '@mixerzoo/cat#cat', nHeads, dropout: 0, init },
    LinCAT: { mixer: '@mixerzoo/cat#linCat', nHeads, init },
    Hyena: { mixer: '@mixerzoo/hyena#hyena', maxLength },
    'Mamba-2': { mixer: '@mixerzoo/mamba#mamba2', dState: 16, headDim: 32 },
    GLA: { mixer: '@mixerzoo/gla#gla', nHeads, expandK: 1 },
    'Gated DeltaNet': { mixer: '@mixerzoo/delta#gatedDeltaNet', nHeads, headDim: 32, expandV: 1 },
    mLSTM: { mixer: '@mixerzoo/xlstm#mLstm', nHeads, headDim: 32, expandV: 1 },
  };
}

function experimentOf(task: MadTask): FigureExperiment {
  return {
    id: task.id,
    at(scale) {
      const { dModel, models, train, learningRates, weightDecays, embeddingStd } = SCALES[scale];
      const settings = madSettings(task, scale);
      const longest = Math.max(...settings.map(({ options }) => options.seqLen));
      const mixers = mixersOf(dModel, longest, scale === 'paper' ? 'zoology' : 'fanIn');
      return {
        description: `MAD: ${task.title.toLowerCase()}`,
        task: task.task,
        model: {
          dModel,
          positions: 'none',
          norm: '@mixerzoo/core#rmsNorm',
          channelMixer: '@mixerzoo/core#swiGlu',
          dropout: { embedding: 0, residual: 0 },
          embeddingStd,
        },
        models: Object.fromEntries(models.map((label) => [label, { layers: [mixers[label]], nLayers: 2 }])) as Models,
        train,
        learningRates: [...learningRates],
        sweep: {
          lengths: settings.flatMap(({ options, trainExamples }) =>
            weightDecays.map((weightDecay) => ({
              ...options,
              train: {
                weightDecay,
                ...(trainExamples && { stepsPerEpoch: Math.floor(trainExamples / train.batchSize) }),
              },
            })),
          ),
        },
      };
    },
  };
}

/** `mad`. */
export const mad: TrainedFigure = {
  id: 'mad',
  title: 'MAD',
  caption:
    'The score of MAD (arXiv 2403.17844): mean accuracy over the settings of a task, then over the six tasks. Mixers whose state does not grow hold equally much.',
  x: 'setting',
  rows: MAD_TASKS.map((task) => ({ title: task.title, experiment: experimentOf(task), models: ALL_MODELS })),
  table: { title: 'MAD', score: 'MAD score' },
  claims: [],
};
