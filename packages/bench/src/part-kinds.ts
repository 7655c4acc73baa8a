/** The kinds of parts that a plugin brings, by its lists: what they are, how messages call one, and what its name is. */
import type { ChannelMixerFactory, MixerFactory, ModelPreset, NormFactory, Plugin, TaskFactory } from '@mixerzoo/core';
import type { Preset } from './experiment/experiment.js';
import type { Figure } from './figures/figure.js';

/** What the entries of each list are. */
export interface Parts {
  readonly mixers: MixerFactory;
  readonly tasks: TaskFactory;
  readonly channelMixers: ChannelMixerFactory;
  readonly norms: NormFactory;
  readonly models: ModelPreset;
  readonly presets: Preset;
  readonly figures: Figure;
}

export type Kind = keyof Parts;

/** How messages call one of a kind, the function that makes one, and the key that holds its name. */
const NAMES: Readonly<Record<Kind, { readonly word: string; readonly madeBy: string; readonly key: string }>> = {
  mixers: { word: 'mixer', madeBy: 'defineMixer', key: 'mixerName' },
  tasks: { word: 'task', madeBy: 'defineTask', key: 'taskName' },
  channelMixers: { word: 'channel mixer', madeBy: 'defineChannelMixer', key: 'channelMixerName' },
  norms: { word: 'norm', madeBy: 'defineNorm', key: 'normName' },
  models: { word: 'model', madeBy: 'defineModel', key: 'name' },
  presets: { word: 'preset', madeBy: 'defineExperiment', key: 'name' },
  figures: { word: 'figure', madeBy: 'defineFigure', key: 'id' },
};

/** `channel mixer`, in messages. */
export const wordOf = (kind: Kind): string => NAMES[kind].word;

/** `defineMixer`, in messages. */
export const makerOf = (kind: Kind): string => NAMES[kind].madeBy;

export const KINDS = Object.keys(NAMES) as readonly Kind[];

/** A value for each kind. */
export function byKind<T>(make: (kind: Kind) => T): Record<Kind, T> {
  return Object.fromEntries(KINDS.map((kind) => [kind, make(kind)])) as Record<Kind, T>;
}

/** The name of a part. */
export function nameOf(kind: Kind, part: object): string {
  return Reflect.get(part, NAMES[kind].key) as string;
}

/** The parts of one kind; a plugin of an older core lacks the lists of newer kinds. */
export function partsOf<K extends Kind>(plugin: Plugin, kind: K): readonly Parts[K][] {
  return (plugin[kind] ?? []) as readonly unknown[] as readonly Parts[K][];
}
