/**
 * The experiment behind Table 2 and the right of Figure 1: language models of one size on one text, with the same tokens each.
 *
 * `paper` is Section 6.2 with what it leaves open as in GLA's paper (arXiv 2312.06635), whose set-up it follows: 15 billion
 * tokens in batches of half a million, learning rate 3e-4 from and to 3e-5, warm-up of half a billion; the shape of
 * Pythia-410M with the 32,000 tokens of Mistral's tokenizer, and TF++, Mamba and GLA as published. Its text is one that the
 * user has prepared. `quick` and `small` read the bytes of the CIA World Factbook, which npm installs, with models of the same
 * shapes, small and of one width.
 *
 * Deviations: filters of CAT stand before the rotary positions, one per head, near the identity at the start (the paper says
 * neither); below `paper` Mamba has half the states and 1.75 times the width inside, to be as large as the others.
 */
import type { ExperimentConfig } from '../experiment/experiment.js';
import type { FigureExperiment } from './figure.js';
import type { Scale } from './scales.js';

/** The rows of Table 2. */
export const MODEL_LABELS = {
  PYTHIA_ROPE: 'Pythia RoPE',
  PYTHIA_NOPE: 'Pythia NoPE',
  CAT_NOPE: 'CAT NoPE',
  CAT_ROPE: 'CAT RoPE',
  MHCAT_NOPE: 'MH-CAT NoPE',
  MHCAT_ROPE: 'MH-CAT RoPE',
  TF: 'TF++',
  MAMBA: 'Mamba',
  GLA: 'GLA',
} as const;

type Models = NonNullable<ExperimentConfig['models']>;

/** Shapes, by the size in the names of models that plugins bring. */
interface Shapes {
  readonly pythia: string;
  /** Of TF++ and GLA. */
  readonly llama: string;
  readonly mamba: string;
  /** Of all but Mamba, which has twice as many; left out: as they come. */
  readonly nLayers?: number;
  /** Options of Mamba's layers. */
  readonly mambaMixer?: Readonly<Record<string, unknown>>;
}

/** Heads are not tied to embeddings, as in the paper's count of parameters. */
function createModels({ pythia, llama, mamba, nLayers, mambaMixer }: Shapes): Models {
  const from = (name: string, layers = nLayers): { readonly extends: string; readonly nLayers?: number } => ({
    extends: `@mixerzoo/language-models#${name}`,
    ...(layers === undefined ? {} : { nLayers: layers }),
  });
  const model = { tieEmbeddings: false };
  return {
    [MODEL_LABELS.PYTHIA_ROPE]: from(`pythia-${pythia}`),
    [MODEL_LABELS.PYTHIA_NOPE]: from(`pythia-${pythia}-nope`),
    [MODEL_LABELS.CAT_NOPE]: from(`pythia-${pythia}-cat-nope`),
    [MODEL_LABELS.CAT_ROPE]: from(`pythia-${pythia}-cat-rope`),
    [MODEL_LABELS.MHCAT_NOPE]: from(`pythia-${pythia}-mhcat-nope`),
    [MODEL_LABELS.MHCAT_ROPE]: from(`pythia-${pythia}-mhcat-rope`),
    [MODEL_LABELS.TF]: { ...from(`tf-plus-plus-${llama}`), model },
    [MODEL_LABELS.MAMBA]: {
      ...from(`mamba-${mamba}`, nLayers && 2 * nLayers),
      ...(mambaMixer && { mixer: mambaMixer }),
      model,
    },
    [MODEL_LABELS.GLA]: { ...from(`gla-${llama}`), model },
  };
}

/** What a scale decides. */
interface LanguageScale {
  readonly shapes: Shapes;
  readonly seqLen: number;
  readonly text: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
  readonly learningRate: number;
  /** What the rate rises from and falls to. */
  readonly leastRate: number;
  /** Tokens that each model is trained on. */
  readonly tokens: number;
  readonly train: NonNullable<ExperimentConfig['train']>;
}

const FACTBOOK = { corpus: 'factbook', tokenizer: 'bytes' };
const MAMBA_LIKE_OTHERS = { expand: 1.75, dState: 8 };

const SCALES: Readonly<Record<Scale, LanguageScale>> = {
  quick: {
    shapes: { pythia: 'tiny', llama: 'tiny', mamba: 'tiny', nLayers: 2, mambaMixer: MAMBA_LIKE_OTHERS },
    seqLen: 128,
    text: FACTBOOK,
    seeds: [0],
    learningRate: 2e-3,
    leastRate: 2e-4,
    tokens: 3_000_000,
    train: { batchSize: 16, evaluations: 10, validationTokens: 2 ** 15, testTokens: 2 ** 16 },
  },
  small: {
    shapes: { pythia: '14m', llama: 'tiny', mamba: 'tiny', nLayers: 6, mambaMixer: MAMBA_LIKE_OTHERS },
    seqLen: 256,
    text: FACTBOOK,
    seeds: [0, 1, 2],
    learningRate: 2e-3,
    leastRate: 2e-4,
    tokens: 6_000_000,
    train: { batchSize: 16, evaluations: 10, validationTokens: 2 ** 16, testTokens: 2 ** 17 },
  },
  paper: {
    shapes: { pythia: '410m', llama: '340m', mamba: '370m' },
    seqLen: 2048,
    text: { data: 'data' },
    seeds: [0],
    learningRate: 3e-4,
    leastRate: 3e-5,
    tokens: 15_000_000_000,
    train: { batchSize: 256, accumulation: 32, evaluations: 60, validationTokens: 2 ** 20, testTokens: 2 ** 22 },
  },
};

/** Test lengths from a quarter of the training length to eight times it, as in Figure 1. */
const testLengths = (seqLen: number) => [1 / 4, 1 / 2, 1, 2, 4, 8].map((times) => times * seqLen);

/** The experiment. */
export const languageModels: FigureExperiment = {
  id: 'language-models',
  at(scale) {
    const { shapes, seqLen, text, seeds, learningRate, leastRate, tokens, train } = SCALES[scale];
    return {
      description: 'Language models of one size on one text',
      task: { task: '@mixerzoo/text#text', ...text, seqLen },
      models: createModels(shapes),
      train: {
        ...train,
        tokens,
        warmupTokens: tokens / 30,
        warmupFrom: leastRate,
        minLearningRate: leastRate,
        schedule: 'cosine',
        weightDecay: 0.01,
        beta1: 0.9,
        beta2: 0.95,
        clipNorm: 1,
      },
      testLengths: testLengths(seqLen),
      extendContext: true,
      seeds: [...seeds],
      learningRates: [learningRate],
    };
  },
};
