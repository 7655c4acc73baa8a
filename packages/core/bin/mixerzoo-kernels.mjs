#!/usr/bin/env node
/**
 * Compiles every `kernel.as.ts` below `src` of the package in the current directory whose `kernel.generated.ts` was made
 * from other sources than there are now.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureKernel, generatedPath } from './compile-kernel.mjs';

const entries = (await readdir('src', { recursive: true })).filter((file) => file.endsWith('kernel.as.ts'));
for (const entry of entries.map((file) => join('src', file))) {
  try {
    if (!(await ensureKernel(entry))) continue;
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
  const target = generatedPath(entry);
  console.log(`${target}: ${(await stat(target)).size} bytes`);
}
