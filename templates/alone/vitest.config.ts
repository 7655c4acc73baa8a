import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    testTimeout: 60_000,
    // A line for each test, with the reason where one is skipped.
    reporters: ['verbose'],
    include: ['src/**/*.test.ts'],
    // The embedded engine unless asked otherwise: `auto` would take whatever a machine has.
    env: { MIXERZOO_ENGINE: process.env['MIXERZOO_ENGINE'] ?? 'wasm' },
  },
});
