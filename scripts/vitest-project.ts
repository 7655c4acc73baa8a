/** The vitest settings every package shares: tests run from source, no build needed. */
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineProject, type UserWorkspaceConfig } from 'vitest/config';

const conditions = ['@mixerzoo/source', 'module', 'node', 'development|production'];

/** How tests find sources, and their limits. */
export const fromSource = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // The embedded engine unless asked otherwise: `auto` would take whatever a machine has.
    env: { MIXERZOO_ENGINE: process.env['MIXERZOO_ENGINE'] ?? 'wasm' },
  },
} satisfies UserWorkspaceConfig;

export function sourceProject(configUrl: string) {
  return defineProject({
    ...fromSource,
    test: {
      ...fromSource.test,
      name: basename(dirname(fileURLToPath(configUrl))),
      include: ['src/**/*.test.ts'],
    },
  });
}
