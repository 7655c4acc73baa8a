/**
 * What a test file put in place of globals, environment variables and methods is taken back at its end: where workers
 * are kept from file to file (vitest-engine.config.ts), the next file would meet it.
 */
import { afterAll, vi } from 'vitest';

afterAll(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});
