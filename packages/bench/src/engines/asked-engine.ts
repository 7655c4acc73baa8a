/** The engine that the environment asks for. */
import { ENGINE_NAMES, UnknownNameError } from '@mixerzoo/core';

export const ENGINE_CHOICES: readonly string[] = ['auto', ...ENGINE_NAMES];

/** What `MIXERZOO_ENGINE` asks for; undefined where it is not set. @throws UnknownNameError if there is no such engine. */
export function engineOfEnvironment(): string | undefined {
  const asked = process.env['MIXERZOO_ENGINE'];
  if (!asked) return undefined;
  if (ENGINE_CHOICES.includes(asked)) return asked;
  const unknown = new UnknownNameError('engine', asked, ENGINE_CHOICES);
  unknown.message = `MIXERZOO_ENGINE: ${unknown.message}`;
  throw unknown;
}
