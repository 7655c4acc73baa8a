/**
 * The conformance suite on one engine, for `npm test`: all packages' tests as one project whose workers are kept from
 * file to file, and with them the sources that are loaded and the engine. On a GPU what takes long is starting the device and
 * compiling shaders: on a software driver minutes, if every file did it anew.
 */
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { fromSource } from './vitest-project.ts';

/** What trains takes longest: it comes first, so that no worker is left alone with it. */
class TrainingFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const trains = ({ moduleId }: TestSpecification) => /packages\/bench\/|trainer\.test/.test(moduleId);
    const sorted = await super.sort(specifications);
    return [...sorted.filter(trains), ...sorted.filter((each) => !trains(each))];
  }
}

export default defineConfig({
  ...fromSource,
  root: process.cwd(),
  test: {
    ...fromSource.test,
    include: ['packages/*/src/**/*.test.ts'],
    isolate: false,
    setupFiles: ['./scripts/vitest-patience.ts', './scripts/vitest-unstub.ts'],
    maxWorkers: '100%',
    sequence: { sequencer: TrainingFirst },
    globalSetup: [...fromSource.test.globalSetup, './scripts/require-engine.mjs'],
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
