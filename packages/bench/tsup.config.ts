import { defineConfig } from 'tsup';

/** The commands of the repository's `benchmarks/`, which the package leaves out: built with what they take of it. */
const BENCHMARKS = ['controls', 'decode', 'generate', 'kernels', 'landmark', 'length', 'peers', 'recall', 'step'];

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    cli: 'src/cli.ts',
    plan: 'src/plan.ts',
    'runs/record-schemas': 'src/runs/record-schemas.ts',
    'report/series-style': 'src/report/series-style.ts',
    // The training is a file of its own, so that what it imports can be told from the rest; see experiment/code.ts.
    'runs/train-run': 'src/runs/train-run.ts',
    ...Object.fromEntries(BENCHMARKS.map((name) => [`benchmarks/${name}`, `../../benchmarks/${name}.ts`])),
  },
  format: 'esm',
  skipNodeModulesBundle: true,
  target: 'es2022',
  dts: false,
  clean: true,
  sourcemap: true,
});
