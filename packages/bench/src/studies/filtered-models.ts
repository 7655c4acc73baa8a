/**
 * The models of the study of short filters: every mixer in every variant that it has a place for, in one block (norm, mixer, norm, SwiGLU)
 * whose channel mixer is as wide as makes all of them equally large.
 */
import type { ExperimentConfig, LayerConfig } from '../experiment/experiment.js';

/** Taps W of a filter where a variant says nothing else. */
const WIDTH = 4;

type Filters = Readonly<Record<'A' | 'B' | 'C', false | { readonly width: number }>>;

const NONE: Filters = { A: false, B: false, C: false };
const at = (width: number) => ({ width });

/** A column of the figure each; A2, A3 and A8 are A with other widths. */
export const VARIANTS: Readonly<Record<string, Filters>> = {
  none: NONE,
  A: { ...NONE, A: at(WIDTH) },
  B: { ...NONE, B: at(WIDTH) },
  C: { ...NONE, C: at(WIDTH) },
  'A+B': { ...NONE, A: at(WIDTH), B: at(WIDTH) },
  A2: { ...NONE, A: at(2) },
  A3: { ...NONE, A: at(3) },
  A8: { ...NONE, A: at(8) },
};

const nHeads = 2;
const delta = { nHeads, allowNegEigval: true };

interface StudiedMixer {
  readonly mixer: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Columns that B filters, over d, and what it is but for its width; absent where a mixer has no such place. */
  readonly own?: { readonly columns: number; readonly kind?: 'perChannel' };
  /** Parameters without filters at the width of each scale. */
  readonly parameters: Partial<Record<number, number>>;
}

/** By label; without a count at a width a mixer is not studied there. A delta rule's eigenvalues reach to -1, else it tracks no state. */
export const MIXERS: Readonly<Record<string, StudiedMixer>> = {
  Attention: {
    mixer: '@mixerzoo/attention#attention',
    options: { nHeads, dropout: 0 },
    own: { columns: 3, kind: 'perChannel' },
    parameters: { 32: 4224, 64: 16_640, 128: 66_048 },
  },
  'Linear attention': {
    mixer: '@mixerzoo/cat#linearAttention',
    options: { nHeads },
    own: { columns: 3, kind: 'perChannel' },
    parameters: { 32: 4096, 64: 16_384, 128: 65_536 },
  },
  GLA: {
    mixer: '@mixerzoo/gla#gla',
    options: { nHeads },
    own: { columns: 2, kind: 'perChannel' },
    parameters: { 64: 17_984, 128: 68_736 },
  },
  Mamba: { mixer: '@mixerzoo/mamba#mamba', own: { columns: 2 }, parameters: { 32: 9728, 64: 32_256, 128: 115_712 } },
  DeltaNet: {
    mixer: '@mixerzoo/delta#deltaNet',
    options: delta,
    own: { columns: 3, kind: 'perChannel' },
    parameters: { 32: 4176, 64: 16_544, 128: 65_856 },
  },
  'Gated DeltaNet': {
    mixer: '@mixerzoo/delta#gatedDeltaNet',
    options: delta,
    own: { columns: 4, kind: 'perChannel' },
    parameters: { 64: 24_884, 128: 98_916 },
  },
  'Kimi Delta Attention': {
    mixer: '@mixerzoo/delta#kimiDeltaAttention',
    options: delta,
    own: { columns: 3, kind: 'perChannel' },
    parameters: { 64: 24_866, 128: 98_882 },
  },
  'RWKV-7': { mixer: '@mixerzoo/rwkv#rwkv7', options: { nHeads }, parameters: { 64: 29_504, 128: 99_968 } },
  Retention: {
    mixer: '@mixerzoo/retention#retention',
    options: { nHeads },
    own: { columns: 4, kind: 'perChannel' },
    parameters: { 64: 32_832, 128: 131_200 },
  },
  mLSTM: {
    mixer: '@mixerzoo/xlstm#mLstm',
    options: { nHeads },
    own: { columns: 2, kind: 'perChannel' },
    parameters: { 64: 16_708, 128: 66_180 },
  },
  Based: {
    mixer: '@mixerzoo/based#based',
    own: { columns: 1.25, kind: 'perChannel' },
    parameters: { 64: 9216, 128: 34_816 },
  },
  Hyena: { mixer: '@mixerzoo/hyena#hyena', own: { columns: 3 }, parameters: { 64: 30_208, 128: 84_544 } },
};

/** Mixer, filters and SwiGLU together: as many as the mixer and channel mixer of a transformer have. */
const parametersAt = (dModel: number) => 12 * dModel ** 2;

/** Variants that a mixer has places for. */
function variantsOf(line: string): [string, Filters][] {
  return Object.entries(VARIANTS).filter(([, { B }]) => !B || MIXERS[line]?.own);
}

/** Every mixer in every variant that it has a place for. */
export function modelsAt(dModel: number): NonNullable<ExperimentConfig['models']> {
  const models = Object.entries(MIXERS).flatMap(([line, { mixer, options, own, parameters }]) => {
    const count = parameters[dModel];
    if (count === undefined) return [];
    const { columns = 0, ...kind } = own ?? {};
    return variantsOf(line).map(([variant, { A, B, C }]) => {
      const taps = widthOf(A) + widthOf(C) + widthOf(B) * columns;
      const dHidden = Math.round((parametersAt(dModel) - count - taps * dModel) / (3 * dModel));
      const shortFilters = { A, C, ...(own && { B: B && { ...kind, ...B } }) };
      const model = { channelMixer: { name: '@mixerzoo/core#swiGlu', dHidden }, shortFilters };
      const layers: LayerConfig[] = [{ mixer, ...options }];
      return [`${line}: ${variant}`, { layers, model }] as const;
    });
  });
  return Object.fromEntries(models);
}

const widthOf = (filter: Filters['A']) => (filter ? filter.width : 0);

/** Of all models, `<mixer>: <variant>`. */
export const labels: readonly string[] = Object.keys(MIXERS).flatMap((line) =>
  variantsOf(line).map(([variant]) => `${line}: ${variant}`),
);
