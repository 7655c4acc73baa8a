import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['packages/*', 'templates/*'],
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
