/**
 * What a package adds to the zoo. `mixerzoo` finds packages with the keyword `mixerzoo-plugin` in node_modules
 * and reads their export `plugin`; nothing central lists them.
 */
import type { MixerFactory } from './mixer.js';
import type { ChannelMixerFactory } from './model/channel-mixer.js';
import type { NormFactory } from './model/norm.js';
import type { TaskFactory } from './task.js';

/** The parts of a package, by kind. */
export interface Plugin {
  readonly specVersion: 1;
  readonly mixers: readonly MixerFactory[];
  readonly tasks: readonly TaskFactory[];
  readonly channelMixers: readonly ChannelMixerFactory[];
  readonly norms: readonly NormFactory[];
  /** Named experiments, data alone: `defineExperiment` of `@mixerzoo/bench`. */
  readonly presets: readonly { readonly name: string }[];
  /** Figures, studies among them: `defineFigure` of `@mixerzoo/bench`. */
  readonly figures: readonly { readonly id: string }[];
}

/** @example export const plugin = definePlugin({ mixers: [cat, mhcat] }); */
export function definePlugin(parts: Partial<Omit<Plugin, 'specVersion'>>): Plugin {
  const none = { mixers: [], tasks: [], channelMixers: [], norms: [], presets: [], figures: [] };
  return Object.freeze({ specVersion: 1 as const, ...none, ...parts });
}
