/**
 * What a package adds to the zoo. `mixerzoo` finds packages with the keyword `mixerzoo-plugin` in node_modules
 * and reads their export `plugin`; nothing central lists them.
 */
import type { MixerFactory } from './mixer.js';
import type { ChannelMixerFactory } from './model/channel-mixer.js';
import type { NormFactory } from './model/norm.js';
import type { TaskFactory } from './task.js';

/**
 * A language model as data: what a model of an experiment may extend (`models: { Mine: { extends: 'pythia-14m' } }`). Mixers, channel
 * mixers and norms stand under their names, with their package's: `@mixerzoo/cat#cat`.
 */
export interface ModelPreset {
  readonly name: string;
  /** One sentence for `mixerzoo list models`. */
  readonly summary: string;
  /** V of its authors' tokenizer, with which its parameters are counted. A model of an experiment has its task's. */
  readonly vocabSize: number;
  /** The pattern of layers, repeated until there are `nLayers`: a mixer and its options. */
  readonly layers: readonly { readonly mixer: string; readonly [option: string]: unknown }[];
  readonly nLayers: number;
  /** The backbone, in the keys of an experiment's `model`. */
  readonly model: { readonly dModel: number; readonly [option: string]: unknown };
  /** How its authors trained it, in the keys of an experiment's `train`, and at what rate: to be read; no run takes it by itself. */
  readonly train?: { readonly learningRate: number; readonly [option: string]: unknown };
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
