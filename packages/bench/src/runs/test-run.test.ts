import { createTrainer, type Task, useEngine } from '@mixerzoo/core';
import { expect, it } from 'vitest';
import { experimentSchema } from '../experiment/experiment.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { testRun } from './test-run.js';

it('tests at every length, free-running on the very examples of the test with a teacher', async () => {
  await useEngine();
  const experiment = experimentSchema.parse({
    task: { task: 'selectiveCopy', seqLen: 16, numSignals: 4, signalVocabSize: 2, noiseVocabSize: 1 },
    model: { dModel: 8 },
    models: { A: { layers: ['cat'] } },
    train: { batchSize: 8, validationExamples: 10, testExamples: 50 },
    testLengths: [24],
    freeRunning: true,
    seeds: [3],
  });
  const [run] = await resolveRuns(experiment, await discoverPlugins(process.cwd()));
  const { model, task, config } = run!;
  const trainer = await createTrainer({
    model,
    task,
    seed: config.seed,
    batchSize: 8,
    examplesPerEpoch: 8,
    epochs: 1,
    validationExamples: 10,
  });
  const requests: Parameters<Task['generate']>[0][] = [];
  const watched = (on: Task): Task => ({
    ...on,
    generate(request) {
      requests.push(request);
      return on.generate(request);
    },
    atLength: (seqLen) => watched(on.atLength(seqLen)),
  });
  const begun: number[] = [];
  const { validation, test } = await testRun({ ...run!, task: watched(task) }, trainer, () => begun.push(begun.length));
  expect(begun).toHaveLength(2);
  expect(validation).toMatchObject({ seqLen: 16, examples: 10, total: 40 });
  expect(test.map(({ seqLen, total, freeRunning }) => [seqLen, total, freeRunning?.total])).toEqual([
    [16, 200, 200],
    [24, 200, 200],
  ]);
  const [withTeacher, ...others] = requests.filter(({ split }) => split === 'test');
  expect(withTeacher?.count).toBe(50);
  expect(others).toEqual([withTeacher, withTeacher, withTeacher]);
  trainer.dispose();
});
