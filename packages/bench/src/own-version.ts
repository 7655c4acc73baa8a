/** The version of the command. */
import { createRequire } from 'node:module';

export const ownVersion = (): string =>
  (createRequire(import.meta.url)('@mixerzoo/bench/package.json') as { version: string }).version;
