/**
 * The models of the paper's figures, by label: by the recipes for recall of their packages, or as the paper and zoology (arXiv
 * 2312.04927) have them. One layer of CAT and LinCAT with filters of W = 3; of the others one or two.
 *
 * Deviations from the paper, everywhere: CAT on 2-gram recall normalises filtered queries and keys, as Theorem 1 does and without
 * which the keys (a a) and (a b) are told apart hardly at all; Mamba starts as its own code does.
 */
import type { ExperimentConfig } from '../experiment/experiment.js';

export type Models = NonNullable<ExperimentConfig['models']>;
type Model = NonNullable<Models[string]>;

export const CAT = 'CAT, 1 layer';
export const WIDE_CAT = 'CAT W = N, 1 layer';
export const LINCAT = 'LinCAT, 1 layer';
export const TWO_LAYERS = ['Attention, 2 layers', 'Based, 2 layers', 'Mamba, 2 layers'] as const;
export const ONE_LAYER = ['Attention, 1 layer', 'Based, 1 layer', 'Mamba, 1 layer'] as const;
export const NO_POSITIONS = 'Attention, no PE';
/** Further states of fixed size. */
export const FIXED_STATES = ['Mamba-2, 2 layers', 'GLA, 2 layers', 'Sliding window, 2 layers'] as const;

type Label =
  | typeof CAT
  | typeof WIDE_CAT
  | typeof LINCAT
  | (typeof TWO_LAYERS)[number]
  | (typeof ONE_LAYER)[number]
  | typeof NO_POSITIONS
  | (typeof FIXED_STATES)[number];

/** How CAT and LinCAT differ from figure to figure. */
export interface ModelOptions {
  /** CAT normalises filtered queries and keys. */
  readonly normalizeQK: boolean;
  /** Taps W of the wide CAT's filters. */
  readonly wide?: number;
  /** Learned positions for CAT and LinCAT too, which recall without them. */
  readonly positions?: 'learned';
}

const SLIDING_WINDOW = { mixer: '@mixerzoo/attention#slidingWindow', window: 32 };
const BASED = '@mixerzoo/based#based';

/** The models named, by the recipes of their packages. */
export function recipeModels(labels: readonly string[], { normalizeQK, wide, positions }: ModelOptions): Models {
  const own = positions ? { model: { positions } } : {};
  // Copying from N(0, 0.02) reaches far less: docs/selective-copying.md.
  const options = { normalizeQK, ...(positions ? { init: 'fanIn' } : {}) };
  const attention = { extends: '@mixerzoo/attention#attention-recall' };
  const mamba = { extends: '@mixerzoo/mamba#mamba-recall' };
  const based = { extends: '@mixerzoo/based#based-recall' };
  return pick(labels, {
    [CAT]: { extends: '@mixerzoo/cat#cat-recall', mixer: options, ...own },
    [WIDE_CAT]: { extends: '@mixerzoo/cat#cat-recall', mixer: { ...options, filterWidth: wide }, ...own },
    [LINCAT]: { extends: '@mixerzoo/cat#lin-cat-recall', mixer: positions ? { init: 'fanIn' } : {}, ...own },
    'Attention, 1 layer': { ...attention, nLayers: 1 },
    'Attention, 2 layers': attention,
    [NO_POSITIONS]: { ...attention, model: { positions: 'none' } },
    'Based, 1 layer': { ...based, layers: [{ mixer: BASED, featureDim: 16 }], nLayers: 1 },
    'Based, 2 layers': based,
    'Mamba, 1 layer': { ...mamba, nLayers: 1 },
    'Mamba, 2 layers': mamba,
    'Mamba-2, 2 layers': { extends: '@mixerzoo/mamba#mamba2-recall' },
    'GLA, 2 layers': { extends: '@mixerzoo/gla#gla-recall' },
    'Sliding window, 2 layers': { ...attention, layers: [{ ...SLIDING_WINDOW, init: 'fanIn', dropout: 0 }] },
  });
}

/**
 * The models named, as the paper and zoology have them: all start at N(0, 0.02), output projections divided by √(2 layers) except those
 * that Based and GLA name otherwise.
 */
export function paperModels(labels: readonly string[], { normalizeQK, wide, positions }: ModelOptions): Models {
  const own = positions ? { model: { positions } } : {};
  const [init, dropout] = ['zoology', 0.1];
  const cat = (filterWidth: number): Model => ({
    layers: [{ mixer: '@mixerzoo/cat#cat', filterWidth, init, dropout, ...(normalizeQK ? { normalizeQK } : {}) }],
    ...own,
  });
  const attention = (nLayers: number, learned: 'learned' | 'none' = 'learned'): Model => ({
    layers: [{ mixer: '@mixerzoo/attention#attention', init, dropout }],
    nLayers,
    model: { positions: learned },
  });
  const mamba = (name: 'mamba' | 'mamba2', nLayers: number): Model => ({
    layers: [`@mixerzoo/mamba#${name}`],
    nLayers,
    model: { norm: '@mixerzoo/core#rmsNorm', residual: 'mixerOnly' },
  });
  const based = { mixer: BASED, init: 'normal' };
  return pick(labels, {
    [CAT]: cat(3),
    [WIDE_CAT]: cat(wide ?? 3),
    [LINCAT]: { layers: [{ mixer: '@mixerzoo/cat#linCat', filterWidth: 3, init }], ...own },
    'Attention, 1 layer': attention(1),
    'Attention, 2 layers': attention(2),
    [NO_POSITIONS]: attention(2, 'none'),
    'Based, 1 layer': { layers: [based] },
    'Based, 2 layers': { layers: ['@mixerzoo/based#baseConv', based] },
    'Mamba, 1 layer': mamba('mamba', 1),
    'Mamba, 2 layers': mamba('mamba', 2),
    'Mamba-2, 2 layers': mamba('mamba2', 2),
    'GLA, 2 layers': { layers: [{ mixer: '@mixerzoo/gla#gla', init: 'normal' }], nLayers: 2 },
    'Sliding window, 2 layers': {
      layers: [{ ...SLIDING_WINDOW, init, dropout }],
      nLayers: 2,
      model: { positions: 'learned' },
    },
  });
}

const pick = (labels: readonly string[], models: Readonly<Record<Label, Model>>): Models =>
  Object.fromEntries(labels.map((label) => [label, models[label as Label]]));
