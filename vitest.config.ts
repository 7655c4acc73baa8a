import { defineConfig } from 'vitest/config';

export default defineConfig({
  // They are written when their sources change, which are watched themselves.
  server: { watch: { ignored: ['**/kernel.generated.ts*'] } },
  test: {
    projects: ['packages/*', 'templates/*', 'scripts'],
    globalSetup: './scripts/require-engine.mjs',
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
