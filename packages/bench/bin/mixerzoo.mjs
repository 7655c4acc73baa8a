#!/usr/bin/env node
// The entry npm links: there before `dist` is, so that an install from source links it too.
import { existsSync } from 'node:fs';

const args = process.argv.slice(2);
const entry = new URL('../dist/cli.js', import.meta.url);
if (args.includes('--source')) {
  const { runFromSource } = await import('./from-source.mjs');
  await runFromSource(args.filter((argument) => argument !== '--source'));
} else if (existsSync(entry)) await import(entry.href);
else {
  console.error(
    'mixerzoo: expected a build in dist, got none. Run `npm run build`, or add --source to run without one.',
  );
  process.exit(2);
}
