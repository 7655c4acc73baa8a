/** How every package of the zoo is built. */
import { readFile } from 'node:fs/promises';
import { defineConfig } from 'tsup';

const IMPORT_OF_CORE = /^import \{([^}]*)\} from '@mixerzoo\/core';$/gm;
const TF = /(^|,)\s*tf\s*(,|$)/;

/**
 * Bundlers keep all of TensorFlow.js where they meet `tf` as a name that core hands on (esbuild), though a mixer uses little of it.
 * Sources have it from core like everything else; built files import the module that it is.
 */
const tfFromItsModule = {
  name: 'tf-from-its-module',
  setup({ onLoad }: { onLoad(options: { filter: RegExp }, load: (args: { path: string }) => Promise<object>): void }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(IMPORT_OF_CORE, importTf),
      loader: 'ts',
    }));
  },
};

/** On as many lines as before, which source maps count. */
function importTf(statement: string, names: string): string {
  if (!TF.test(names)) return statement;
  return `import * as tf from '@mixerzoo/core/tf'; import {${names.replace(TF, '$1')}} from '@mixerzoo/core';`;
}

/** A file per module, so that bundlers leave out what is not used, and modules are evaluated in the order of the source. */
export default defineConfig({
  entry: ['src/**/*.ts', '!src/golden.ts', '!src/**/*.test.ts', '!src/**/*.as.ts', '!src/**/__fixtures__/**'],
  bundle: false,
  format: 'esm',
  target: 'es2022',
  dts: false,
  clean: true,
  sourcemap: true,
  esbuildPlugins: [tfFromItsModule],
});
