/**
 * What a package adds to the zoo. `mixerzoo` finds packages with the keyword `mixerzoo-plugin` in node_modules
 * and reads their export `plugin`; nothing central lists them.
 */
import type { MixerFactory } from './mixer.js';
import type { ChannelMixerFactory } from './model/channel-mixer.js';
import type { NormFactory } from './model/norm.js';
import type { TaskFactory } from './task.js';

/**
 * A model as data, with how it is trained: what a model of an experiment may extend (`models: { Mine: { extends: 'pythia-14m' } }`), which
 * has all of it but for what it says itself. Mixers, channel mixers and norms stand under their names, with their package's: `@mixerzoo/cat#cat`.
 */
export interface ModelPreset {
  readonly name: string;
  /** One sentence for `mixerzoo list models`. */
  readonly summary: string;
  /** V of its authors' tokenizer, with which its parameters are counted; absent where none is its own. A model of an experiment has its task's. */
  readonly vocabSize?: number;
  /** The pattern of layers, repeated until there are `nLayers`: a mixer and its options. */
  readonly layers: readonly { readonly mixer: string; readonly [option: string]: unknown }[];
  readonly nLayers: number;
  /** The backbone, in the keys of an experiment's `model`; without `dModel` the width is the experiment's. */
  readonly model: { readonly dModel?: number; readonly [option: string]: unknown };
  /** Rates to try, in order of promise, in experiments that name none themselves. */
  readonly learningRates?: readonly number[];
  /** Optimizer and schedule, in the keys of a model's `train`: what its runs are trained with. */
  readonly train?: Readonly<Record<string, unknown>>;
  /** Where settings are from, by setting: `{ learningRates: 'Gu and Dao 2024, Table 11', 'train.beta2': 'state-spaces/mamba' }`. */
  readonly source?: Readonly<Record<string, string>>;
  /** How its authors trained it at its full size, in the keys of an experiment's `train`, and at what rate: to be read; no run takes it. */
  readonly pretraining?: { readonly learningRate: number; readonly [option: string]: unknown };
}

/** Types a model as data; returns it as it is. */
export function defineModel<M extends ModelPreset>(model: M): M {
  return model;
}

/** The parts of a package, by kind. */
export interface Plugin {
  readonly specVersion: 1;
  readonly mixers: readonly MixerFactory[];
  readonly tasks: readonly TaskFactory[];
  readonly channelMixers: readonly ChannelMixerFactory[];
  readonly norms: readonly NormFactory[];
  /** Named models, data alone: {@link defineModel}. */
  readonly models: readonly ModelPreset[];
  /** Named experiments, data alone: `defineExperiment` of `@mixerzoo/bench`. */
  readonly presets: readonly { readonly name: string }[];
  /** Figures, studies among them: `defineFigure` of `@mixerzoo/bench`. */
  readonly figures: readonly { readonly id: string }[];
}

/** @example export const plugin = definePlugin({ mixers: [cat, mhcat] }); */
export function definePlugin(parts: Partial<Omit<Plugin, 'specVersion'>>): Plugin {
  const none = { mixers: [], tasks: [], channelMixers: [], norms: [], models: [], presets: [], figures: [] };
  return Object.freeze({ specVersion: 1 as const, ...none, ...parts });
}
