import { createTrainer, useEngine } from '@mixerzoo/core';
import { expect, it } from 'vitest';
import { experimentSchema } from './experiment.js';
import { discoverPlugins } from './plugins.js';
import { resolveRuns } from './resolve-runs.js';
import { testRun } from './test-run.js';

it('tests at every length, free-running on the very examples of the test with a teacher', async () => {
  await useEngine();
  const experiment = experimentSchema.parse({
    task: { task: 'selectiveCopy', seqLen: 16, numSignals: 4, signalVocabSize: 2, noiseVocabSize: 1 },
    model: { dModel: 8 },
    models: { A: { layers: ['cat'] } },
    train: { batchSize: 8, validationExamples: 10, testExamples: 201 },
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
  const begun: number[] = [];
  const { validation, test } = await testRun(run!, trainer, () => begun.push(begun.length));
  expect(begun).toHaveLength(2);
  expect(validation).toMatchObject({ seqLen: 16, examples: 10, total: 40 });
  expect(test.map(({ seqLen, examples, total }) => [seqLen, examples, total])).toEqual([
    [16, 201, 804],
    [24, 201, 804],
  ]);
  for (const { seqLen, freeRunning } of test) {
    // The first answer follows no answer: what stands in the example is all there is.
    const { perPosition } = await trainer.evaluate(task.atLength(seqLen), 'test', 201);
    expect(freeRunning?.perPosition[0]).toBeCloseTo(perPosition[0]!.accuracy, 12);
    expect(freeRunning?.total).toBe(804);
  }
  trainer.dispose();
});
