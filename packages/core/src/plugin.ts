/**
 * What a package adds to the zoo. `mixerzoo` finds packages with the keyword `mixerzoo-plugin` in node_modules
 * and reads their export `plugin`; nothing central lists them.
 */
import type { MixerFactory } from './mixer.js';
import type { TaskFactory } from './task.js';

/** The mixers and tasks of a package. */
export interface Plugin {
  readonly specVersion: 1;
  readonly mixers: readonly MixerFactory[];
  readonly tasks: readonly TaskFactory[];
}

/** @example export const plugin = definePlugin({ mixers: [cat, mhcat] }); */
export function definePlugin(parts: { mixers?: readonly MixerFactory[]; tasks?: readonly TaskFactory[] }): Plugin {
  return Object.freeze({ specVersion: 1 as const, mixers: parts.mixers ?? [], tasks: parts.tasks ?? [] });
}
