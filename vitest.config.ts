import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['packages/*', 'templates/*', 'scripts'],
    globalSetup: './scripts/require-engine.mjs',
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
