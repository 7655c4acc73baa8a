/**
 * Pythia (Biderman et al. 2023, arXiv 2304.01373), and with the short filters of CAT in it (Li et al. 2024, arXiv 2407.05591,
 * Section 6.2): models of one shape that differ in their mixer and positions alone.
 *
 * Shapes and training: EleutherAI/pythia, `models/<size>/*.yml`. GELU as in the released `config.json`; they were trained with its tanh
 * form, `geluTanh`. What the paper leaves open about its 370M models is as everywhere in this zoo: filters act on projected
 * heads, before the rotation, and start at the identity; CAT has the biases that Pythia has.
 */
import { BYTE_VOCABULARY, type LanguageModelPreset } from './setup.js';

const SHAPES = {
  tiny: { nLayers: 4, dModel: 128, nHeads: 4, learningRate: 1e-3 },
  '14m': { nLayers: 6, dModel: 128, nHeads: 4, learningRate: 1e-3 },
  '31m': { nLayers: 6, dModel: 256, nHeads: 8, learningRate: 1e-3 },
  '70m': { nLayers: 6, dModel: 512, nHeads: 8, learningRate: 1e-3 },
  '160m': { nLayers: 12, dModel: 768, nHeads: 12, learningRate: 6e-4 },
  '410m': { nLayers: 24, dModel: 1024, nHeads: 16, learningRate: 3e-4 },
} as const;

export type PythiaSize = keyof typeof SHAPES;

/** What {@link pythia} is told. */
export interface PythiaOptions {
  /** `tiny`: four layers, for two CPU cores and a small vocabulary. */
  readonly size: PythiaSize;
  /** `cat`: a filter per head on q, k and v; `mhcat`: filters that mix heads. Default `attention`. */
  readonly mixer?: 'attention' | 'cat' | 'mhcat';
  /** Default `rope`, on a quarter of each head's columns. */
  readonly positional?: 'rope' | 'none';
  /** Taps of the filters. Default 21, the paper's in language modelling. */
  readonly filterWidth?: number;
}

/** V: 50,277 tokens of GPT-NeoX's tokenizer, padded to a multiple of 128. */
const VOCAB_SIZE = 50_304;
const MIXERS = { attention: '@mixerzoo/attention#attention', cat: '@mixerzoo/cat#cat', mhcat: '@mixerzoo/cat#mhcat' };
const WORDS = { attention: 'attention', cat: 'CAT', mhcat: 'multi-head CAT' };

/**
 * Pythia of a size, its mixer and positions as asked for.
 * @example pythia({ size: '410m', mixer: 'mhcat' })
 */
export function pythia(options: PythiaOptions): LanguageModelPreset {
  const { size, mixer = 'attention', positional = 'rope', filterWidth = 21 } = options;
  const { nLayers, dModel, nHeads, learningRate } = SHAPES[size];
  const kind = mixer === 'attention' ? '' : `-${mixer}`;
  const place = mixer === 'attention' && positional === 'rope' ? '' : positional === 'rope' ? '-rope' : '-nope';
  return {
    name: `pythia-${size}${kind}${place}`,
    summary:
      `Pythia's shape, ${nLayers} layers of ${dModel}, with ${WORDS[mixer]}` +
      `${mixer === 'attention' ? '' : `, ${filterWidth} taps`}, ${positional === 'rope' ? 'rotary positions' : 'no positions'}.`,
    vocabSize: size === 'tiny' ? BYTE_VOCABULARY : VOCAB_SIZE,
    layers: [
      {
        mixer: MIXERS[mixer],
        nHeads,
        bias: true,
        init: 'smallInit',
        dropout: 0,
        positional,
        ...(positional === 'rope' ? { rotaryFraction: 0.25 } : {}),
        ...(mixer === 'attention' ? {} : { filterWidth }),
      },
    ],
    nLayers,
    model: {
      dModel,
      norm: 'layerNorm',
      residual: 'parallel',
      channelMixer: { name: 'mlp', init: 'smallInit' },
      tieEmbeddings: false,
      embeddingStd: Math.sqrt(2 / (5 * dModel)),
      dropout: { embedding: 0, residual: 0 },
    },
    pretraining: {
      learningRate,
      minLearningRate: learningRate / 10,
      schedule: 'cosine',
      weightDecay: 0.1,
      decayed: 'matrices',
      beta1: 0.9,
      beta2: 0.95,
      clipNorm: 1,
    },
  };
}

/** Every size with every mixer, with positions and without. */
export const pythiaModels: readonly LanguageModelPreset[] = (Object.keys(SHAPES) as PythiaSize[]).flatMap((size) =>
  (['attention', 'cat', 'mhcat'] as const).flatMap((mixer) =>
    (['rope', 'none'] as const).map((positional) => pythia({ size, mixer, positional })),
  ),
);
