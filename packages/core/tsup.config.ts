import { defineConfig } from 'tsup';

/** A file per module, so that bundlers leave out what is not used, and modules are evaluated in the order of the source. */
export default defineConfig({
  entry: ['src/**/*.ts', '!src/golden.ts', '!src/**/*.test.ts', '!src/**/*.as.ts', '!src/**/__fixtures__/**'],
  bundle: false,
  format: 'esm',
  target: 'es2022',
  dts: false,
  clean: true,
  sourcemap: true,
});
