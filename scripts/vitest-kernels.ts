/**
 * A plugin of Vite for tests: a kernel that a test imports is compiled first if its sources have changed, in watch mode too,
 * so that no test runs on what was built before. Where nothing has changed it costs the reading of a few small files.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vitest/config';
import { ensureKernel, generatedPath, sourcesOf } from '../packages/core/bin/compile-kernel.mjs';

export function compiledKernels(): Plugin {
  const entryOf = (generated: string) => join(dirname(generated), 'kernel.as.ts');
  return {
    name: 'mixerzoo:kernels',
    enforce: 'pre',
    /** There or not. */
    resolveId(specifier, importer) {
      if (!importer || !/^\..*\/kernel\.generated\.js$/.test(specifier)) return undefined;
      const entry = entryOf(join(dirname(importer), specifier));
      return existsSync(entry) ? generatedPath(entry) : undefined;
    },
    async load(id) {
      if (!/[/\\]kernel\.generated\.ts$/.test(id)) return undefined;
      const entry = entryOf(id);
      this.addWatchFile(entry); // a kernel that does not compile is watched too
      await ensureKernel(entry);
      for (const source of sourcesOf(entry)) this.addWatchFile(source);
      return readFile(id, 'utf8');
    },
  };
}
