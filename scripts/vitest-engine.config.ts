/**
 * The conformance suite on one engine, for `npm test`: all packages' tests as one project whose workers are kept from
 * file to file, and with them the engine. On a GPU what takes long is starting the device and compiling shaders: on a
 * software driver minutes, if every file did it anew.
 */
import { defineConfig } from 'vitest/config';
import { fromSource } from './vitest-project.ts';

export default defineConfig({
  ...fromSource,
  root: process.cwd(),
  test: {
    ...fromSource.test,
    include: ['packages/*/src/**/*.test.ts'],
    isolate: false,
    maxWorkers: '100%',
    globalSetup: './scripts/require-engine.mjs',
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
