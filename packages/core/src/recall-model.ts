/**
 * Recipes for recall (MQAR and its kin): a model with the training that all recipes of the zoo have in common, so that one reads in a
 * mixer's package what its family needs besides. Where each setting is from stands beside it, and in the report of its runs.
 */
import type { ModelPreset } from './plugin.js';

/**
 * What recipes for recall have in common; width, budget and seeds are the experiment's. `model` and `train` in the keys of an
 * experiment, rates in order of promise.
 */
export const recallRecipe: Required<Pick<ModelPreset, 'model' | 'train' | 'learningRates'>> = {
  model: { positions: 'none', embeddingStd: 0.1, dropout: { embedding: 0, residual: 0 } },
  train: { schedule: 'cosine', warmupSteps: 50, clipNorm: 1, beta2: 0.95, weightDecay: 0.1, decayed: 'matrices' },
  learningRates: [1e-2, 5e-3, 2.5e-3],
};

const SOURCE = {
  'model.embeddingStd': "ours: at zoology's 0.02 two layers of attention learn too little in hundreds of steps",
  'model.dropout': 'ours: every example is new, there is nothing to overfit (zoology: 0.1 on the embedding)',
  'train.schedule': 'HazyResearch/zoology, train.py',
  'train.beta2': 'ours: two layers of attention then learn in hundreds of steps (zoology: 0.999)',
  'train.weightDecay': 'HazyResearch/zoology, train.py',
  'train.decayed': 'ours: norms, biases and what a mixer spares do not decay (zoology decays all)',
  'train.warmupSteps': 'ours, for high rates (zoology has none)',
  'train.clipNorm': 'ours, for high rates (zoology has none)',
  learningRates: 'ours, for budgets of hundreds of steps (zoology: 0.0001 to 0.03 for 32 or 64 epochs)',
};

/** What a recipe says of its own. */
export interface RecallOptions extends Omit<ModelPreset, 'nLayers' | 'model' | 'source' | 'vocabSize' | 'pretraining'> {
  /** Default: the length of the pattern of layers. */
  readonly nLayers?: number;
  /** On top of {@link recallRecipe}'s, as `train` is. */
  readonly model?: Readonly<Record<string, unknown>>;
  /** Where its layers are from, and what else is its own. */
  readonly source: Readonly<Record<string, string>> & { readonly layers: string };
}

/**
 * A model for recall, to stand in a plugin's `models` and be extended by experiments (`models: { Mine: { extends: 'my-mixer-recall' } }`).
 * @example recallModel({ name: 'my-mixer-recall', summary: 'Two layers.', layers: [{ mixer: 'my-package#myMixer' }], nLayers: 2, source: { layers: 'ours' } })
 */
export function recallModel({ nLayers, model, train, learningRates, source, ...own }: RecallOptions): ModelPreset {
  return {
    ...own,
    nLayers: nLayers ?? own.layers.length,
    model: { ...recallRecipe.model, ...model },
    train: { ...recallRecipe.train, ...train },
    learningRates: learningRates ?? recallRecipe.learningRates,
    source: { ...SOURCE, ...source },
  };
}
