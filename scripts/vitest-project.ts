/** The vitest settings every package shares: tests run from source, no build needed. */
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineProject } from 'vitest/config';

export function sourceProject(configUrl: string) {
  const conditions = ['@mixerzoo/source', 'module', 'node', 'development|production'];
  return defineProject({
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: {
      name: basename(dirname(fileURLToPath(configUrl))),
      include: ['src/**/*.test.ts'],
      testTimeout: 120_000,
      hookTimeout: 60_000,
      pool: 'forks',
      // The embedded engine unless asked otherwise: `auto` would take whatever a machine has.
      env: { MIXERZOO_ENGINE: process.env['MIXERZOO_ENGINE'] ?? 'wasm' },
    },
  });
}
