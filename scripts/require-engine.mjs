/**
 * Before any test: an engine that is asked for by MIXERZOO_ENGINE must be there. One error that says what is missing,
 * instead of one for each test.
 */
import { findEngines } from './find-engines.mjs';

const BUILT_IN = ['wasm', 'cpu'];

export default function requireEngine() {
  const asked = process.env.MIXERZOO_ENGINE;
  // `npm test` has looked already.
  if (!asked || BUILT_IN.includes(asked) || process.env.MIXERZOO_ENGINE_FOUND === asked) return;
  const engines = findEngines();
  const found = engines.get(asked);
  if (engines.size > 0 && !found) {
    throw new Error(`MIXERZOO_ENGINE: expected one of ${[...engines.keys()].join(', ')}, got '${asked}'.`);
  }
  if (found && !found.available) {
    throw new Error(`MIXERZOO_ENGINE: expected '${asked}' on this machine, got none. ${found.summary}`);
  }
}
