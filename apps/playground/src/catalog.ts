/** The models that the page offers: recipes of the zoo's packages by name, and what can be changed of each. */

/** Where a short filter can stand; see docs/short-filters.md. */
export type FilterPlace = 'own' | 'none' | 'keys' | 'inside' | 'before';

export interface CatalogEntry {
  /** As links have it. */
  readonly id: string;
  readonly label: string;
  /** The recipe, as `extends` of a config has it. */
  readonly recipe: string;
  /** Layers it starts with: those of the recipe, unless said. */
  readonly layers: number;
  /** Layers of the recipe's pattern: depth is a multiple of it. */
  readonly pattern?: number;
  /** Backbone settings in place of the recipe's. */
  readonly model?: Readonly<Record<string, unknown>>;
  /** Places that a filter can take besides its own, none and before the mixer. */
  readonly places: readonly FilterPlace[];
}

const FILTERED = ['own', 'none', 'keys', 'inside', 'before'] as const;
const INSIDE = ['own', 'none', 'inside', 'before'] as const;
const OUTSIDE = ['own', 'before'] as const;

/** In the order of the menu. */
export const CATALOG: readonly CatalogEntry[] = [
  { id: 'cat', label: 'CAT', recipe: '@mixerzoo/cat#cat-recall', layers: 1, places: FILTERED },
  {
    id: 'attention',
    label: 'Attention',
    recipe: '@mixerzoo/attention#attention-recall',
    layers: 1,
    model: { positions: 'none' },
    places: FILTERED,
  },
  {
    id: 'attention-positions',
    label: 'Attention with positions',
    recipe: '@mixerzoo/attention#attention-recall',
    layers: 2,
    places: FILTERED,
  },
  { id: 'lin-cat', label: 'LinCAT', recipe: '@mixerzoo/cat#lin-cat-recall', layers: 1, places: FILTERED },
  {
    id: 'landmark',
    label: 'Landmark CAT',
    recipe: '@mixerzoo/landmark#landmark-cat-recall',
    layers: 1,
    places: INSIDE,
  },
  { id: 'based', label: 'Based', recipe: '@mixerzoo/based#based-recall', layers: 2, pattern: 2, places: OUTSIDE },
  {
    id: 'base-conv-attention',
    label: 'BaseConv + attention',
    recipe: '@mixerzoo/based#base-conv-attention-recall',
    layers: 2,
    pattern: 2,
    places: OUTSIDE,
  },
  { id: 'mamba', label: 'Mamba', recipe: '@mixerzoo/mamba#mamba-recall', layers: 2, places: INSIDE },
  { id: 'mamba2', label: 'Mamba-2', recipe: '@mixerzoo/mamba#mamba2-recall', layers: 2, places: INSIDE },
  { id: 'gla', label: 'GLA', recipe: '@mixerzoo/gla#gla-recall', layers: 2, places: FILTERED },
  { id: 'retention', label: 'Retention', recipe: '@mixerzoo/retention#retention-recall', layers: 2, places: FILTERED },
  { id: 'm-lstm', label: 'mLSTM', recipe: '@mixerzoo/xlstm#m-lstm-recall', layers: 2, places: INSIDE },
  { id: 'delta-net', label: 'DeltaNet', recipe: '@mixerzoo/delta#delta-net-recall', layers: 2, places: FILTERED },
  {
    id: 'gated-delta-net',
    label: 'Gated DeltaNet',
    recipe: '@mixerzoo/delta#gated-delta-net-recall',
    layers: 2,
    places: FILTERED,
  },
  {
    id: 'kimi',
    label: 'Kimi Delta Attention',
    recipe: '@mixerzoo/delta#kimi-delta-attention-recall',
    layers: 2,
    places: FILTERED,
  },
  { id: 'hyena', label: 'Hyena', recipe: '@mixerzoo/hyena#hyena-recall', layers: 2, places: INSIDE },
  { id: 'h3', label: 'H3', recipe: '@mixerzoo/hyena#h3-recall', layers: 2, places: OUTSIDE },
  { id: 'rwkv7', label: 'RWKV-7', recipe: '@mixerzoo/rwkv#rwkv7-recall', layers: 2, places: OUTSIDE },
];

/** @throws Error for an id that the catalog lacks. */
export function entryOf(id: string): CatalogEntry {
  const entry = CATALOG.find((one) => one.id === id);
  if (entry) return entry;
  throw new Error(`catalog: expected one of ${CATALOG.map((one) => one.id).join(', ')}, got '${id}'.`);
}
