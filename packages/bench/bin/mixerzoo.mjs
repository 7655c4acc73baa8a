#!/usr/bin/env node
// The entry npm links: there before `dist` is, so that an install from source links it too.
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli.js', import.meta.url);
if (!existsSync(entry)) {
  console.error('mixerzoo: expected a build in dist, got none. Run `npm run build` first.');
  process.exit(2);
}
await import(entry.href);
