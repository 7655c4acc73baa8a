import { defineConfig } from 'tsup';

export default defineConfig({
  // The training is a file of its own, so that what it imports can be told from the rest; see experiment/code.ts.
  entry: ['src/index.ts', 'src/cli.ts', 'src/runs/train-run.ts', 'src/benchmarks/*.ts', '!src/benchmarks/*.test.ts'],
  format: 'esm',
  target: 'es2022',
  dts: false,
  clean: true,
  sourcemap: true,
});
