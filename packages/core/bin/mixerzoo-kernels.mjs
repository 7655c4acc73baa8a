#!/usr/bin/env node
/**
 * Compiles every `kernel.as.ts` below `src` of the package in the current directory whose `kernel.generated.ts` was made
 * from other sources than there are now.
 */
import { statSync } from 'node:fs';

try {
  const { ensureKernels } = await import('./compile-kernel.mjs');
  for (const file of await ensureKernels('.')) console.log(`${file}: ${statSync(file).size} bytes`);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
