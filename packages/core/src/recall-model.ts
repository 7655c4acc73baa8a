/**
 * Recipes for recall (MQAR and its kin): a model with the training that all recipes of the zoo have in common, so that one reads in a
 * mixer's package what its family needs besides. Where each setting is from stands beside it, and in the report of its runs.
 */
import type { ModelPreset } from './plugin.js';

/** What a recipe says of its own. */
export interface RecallOptions extends Omit<ModelPreset, 'nLayers' | 'model' | 'source' | 'vocabSize' | 'pretraining'> {
  /** Default: the length of the pattern of layers. */
  readonly nLayers?: number;
  /** On top of {@link MODEL}. */
  readonly model?: Readonly<Record<string, unknown>>;
  /** Where its layers are from, and whatever else is its own. */
  readonly source: Readonly<Record<string, string>> & { readonly layers: string };
}

const MODEL = { positions: 'none', embeddingStd: 0.1, dropout: { embedding: 0, residual: 0 } };

/** The width, the budget and the seeds are the experiment's. */
const TRAIN = { schedule: 'cosine', warmupSteps: 50, clipNorm: 1, weightDecay: 0.1, decayed: 'matrices' };

const LEARNING_RATES = [1e-2, 5e-3, 2.5e-3];

const SOURCE = {
  'model.embeddingStd':
    "ours: at zoology's 0.02 two layers of attention learn nothing in the budget of `recall-recipes`",
  'model.dropout': 'ours: every example is new, there is nothing to overfit (zoology: 0.1 on the embedding)',
  'train.schedule': 'HazyResearch/zoology, train.py',
  'train.weightDecay': 'HazyResearch/zoology, config.py',
  'train.decayed': 'ours: norms, biases and what a mixer spares do not decay (zoology decays all)',
  'train.warmupSteps':
    'ours, with the clipping: high rates are tried without a first step that breaks them (zoology has neither)',
  'train.clipNorm': 'ours, see train.warmupSteps',
  learningRates:
    'ours, for budgets of hundreds of steps: measured by `mixerzoo run recall-recipes` (zoology: 0.0001 to 0.03, 64 epochs)',
};

/**
 * A model for recall, to stand in a plugin's `models` and be extended by experiments.
 * @example recallModel({ name: 'my-mixer-recall', summary: 'Two layers.', layers: [{ mixer: 'my-package#myMixer' }], nLayers: 2, source: { layers: 'ours' } })
 */
export function recallModel({ nLayers, model, train, learningRates, source, ...own }: RecallOptions): ModelPreset {
  return {
    ...own,
    nLayers: nLayers ?? own.layers.length,
    model: { ...MODEL, ...model },
    train: { ...TRAIN, ...train },
    learningRates: learningRates ?? LEARNING_RATES,
    source: { ...SOURCE, ...source },
  };
}
