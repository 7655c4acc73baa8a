/** What a part is known by in records: its name and its config, as JSON. */
import type { Mixer } from './mixer.js';

/** What the computation of a part depends on. */
export const identity = ({ name, config }: Pick<Mixer, 'name' | 'config'>) => ({ name, config });

/** True for what a mixer's factory makes. */
export const isMixer = (value: unknown): value is Mixer =>
  typeof value === 'object' && value !== null && typeof (value as { step?: unknown }).step === 'function';

/** A config as JSON: mixers among its values by their identity. */
export function recorded(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(config).map(([key, value]) => [key, isMixer(value) ? identity(value) : value]);
  return Object.freeze(Object.fromEntries(entries));
}
