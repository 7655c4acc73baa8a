/** The vitest settings every package shares: tests run from source, no build needed. */
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineProject, type UserWorkspaceConfig } from 'vitest/config';
import { compiledKernels } from './vitest-kernels.ts';

const conditions = ['@mixerzoo/source', 'module', 'node', 'development|production'];

/** How tests find sources, and their limits. */
export const fromSource = {
  plugins: [compiledKernels()],
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    globalSetup: [fileURLToPath(new URL('generated-sources.mjs', import.meta.url))],
    env: {
      // The embedded engine unless asked otherwise: `auto` would take whatever a machine has.
      MIXERZOO_ENGINE: process.env['MIXERZOO_ENGINE'] ?? 'wasm',
      // WebAssembly alone unless asked otherwise: an addon would be whatever a machine has.
      MIXERZOO_NATIVE: process.env['MIXERZOO_NATIVE'] ?? '0',
      // Kernels on poisoned memory and always divided (core/src/engines/wasm/checked-kernels.ts).
      MIXERZOO_CHECK_KERNELS: process.env['MIXERZOO_CHECK_KERNELS'] ?? '1',
    },
  },
} satisfies UserWorkspaceConfig;

/** @param env - environment variables of its tests, and of the processes that they start. */
export function sourceProject(configUrl: string, env: Readonly<Record<string, string>> = {}) {
  return defineProject({
    ...fromSource,
    test: {
      ...fromSource.test,
      env: { ...fromSource.test.env, ...env },
      name: basename(dirname(fileURLToPath(configUrl))),
      include: ['src/**/*.test.ts'],
    },
  });
}
