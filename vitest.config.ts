import { defineConfig } from 'vitest/config';

export default defineConfig({
  // They are written when their sources change, which are watched themselves.
  server: { watch: { ignored: ['**/kernel.generated.ts*'] } },
  test: {
    maxWorkers: '100%', // vitest leaves a core free, half of a small machine
    projects: ['packages/*', 'apps/playground', 'templates/*', 'scripts'],
    globalSetup: './scripts/require-engine.mjs',
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
