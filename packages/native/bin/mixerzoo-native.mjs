#!/usr/bin/env node
/**
 * `mixerzoo-native`: compiles the addon of @mixerzoo/native here, for a platform without a prebuilt one. With `--if-possible` a
 * machine that cannot is no error, and nothing is said: the wasm engine runs without it.
 */
import { statSync } from 'node:fs';
import { addonFile, ensureAddon } from './compile-addon.mjs';

const ifPossible = process.argv.includes('--if-possible');
try {
  const compiled = await ensureAddon();
  if (compiled || !ifPossible)
    console.log(`${addonFile}: ${statSync(addonFile).size} bytes${compiled ? '' : ', as it was'}`);
} catch (error) {
  if (!ifPossible) {
    console.error(error.message);
    process.exit(1);
  }
}
