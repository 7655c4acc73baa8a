import { createLanguageModel, createTrainer, defineMixer, type Task, tf, useEngine } from '@mixerzoo/core';
import { NumericalError } from '@mixerzoo/core/errors';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { experimentSchema } from '../experiment/experiment.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { evaluateFreeRunning } from './free-running.js';
import { testRun } from './test-run.js';

it('tests at every length, free-running on the very examples of the test with a teacher', async () => {
  await useEngine('wasm');
  const experiment = experimentSchema.parse({
    task: { task: 'selectiveCopy', seqLen: 16, numSignals: 4, signalVocabSize: 2, noiseVocabSize: 1 },
    model: { dModel: 8 },
    models: { A: { layers: ['cat'] } },
    train: { batchSize: 8, validationExamples: 10, testExamples: 50 },
    testLengths: [24],
    freeRunning: true,
    seeds: [3],
  });
  const [run] = await resolveRuns({ experiment, files: [] }, await discoverPlugins(process.cwd()));
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
  let batches = 0;
  const { validation, test } = await testRun({ ...run!, task: watched(task) }, trainer, () => {
    batches += 1;
  });
  // 50 examples by 8 of 16 tokens, by 5 of 24, and so for each of the 4 tokens of the answers; 10 of the validation by 8.
  expect(batches).toBe(7 + 4 * 7 + (10 + 4 * 10) + 2);
  expect(validation).toMatchObject({ seqLen: 16, examples: 10, total: 40, exactMatches: expect.any(Number) });
  // With a teacher, untrained: what is right by chance is never all of four, in hardly any example.
  for (const { correct, exactMatches } of test) expect(4 * exactMatches!).toBeLessThanOrEqual(correct);
  expect(test.map(({ seqLen, total, freeRunning }) => [seqLen, total, freeRunning?.total])).toEqual([
    [16, 200, 200],
    [24, 200, 200],
  ]);
  for (const { correct, total, slices } of test) {
    expect(slices!.map(({ name }) => name)).toContain('place in the answer');
    for (const { bins } of slices!) {
      const sum = (key: 'correct' | 'total') => bins.reduce((counted, bin) => counted + bin[key], 0);
      expect([sum('correct'), sum('total')]).toEqual([correct, total]);
    }
  }
  const [withTeacher, ...others] = requests.filter(({ split }) => split === 'test');
  expect(withTeacher?.count).toBe(50);
  // Each length: answered with a teacher, told apart, and answered on its own.
  expect(others).toEqual(Array.from({ length: 5 }, () => withTeacher));
  trainer.dispose();
});

/** The token itself, as long as sequences are no longer than 16 tokens; NaN from there on. */
const overflowing = defineMixer({
  name: 'overflowing',
  summary: '',
  schema: z.strictObject({ dModel: z.int() }),
  create: ({ dModel }) => ({
    init: () => ({}),
    apply: (_params, x) => tf.mul(x, x.shape[1] > 16 ? Number.NaN : 1) as tf.Tensor3D,
    initState: (batchSize): { last: tf.Tensor2D } => ({ last: tf.zeros([batchSize, dModel]) }),
    step: (_params, x, state: { last: tf.Tensor2D }) => ({ y: x, state }),
    stateSize: () => dModel,
    flops: () => 0,
  }),
});

it('fails at a length where the loss is not a number, in place of 0 %', async () => {
  await useEngine('wasm');
  const experiment = experimentSchema.parse({
    task: { task: 'selectiveCopy', seqLen: 16, numSignals: 4, signalVocabSize: 2, noiseVocabSize: 1 },
    model: { dModel: 8 },
    models: { A: { layers: ['cat'] } },
    train: { batchSize: 8, validationExamples: 10, testExamples: 20 },
    testLengths: [24],
  });
  const [run] = await resolveRuns({ experiment, files: [] }, await discoverPlugins(process.cwd()));
  const { task } = run!;
  const layers = [{ sequenceMixer: overflowing({ dModel: 8 }) }];
  const model = createLanguageModel({ vocabSize: task.vocabSize, dModel: 8, layers });
  const sizes = { batchSize: 8, examplesPerEpoch: 8, epochs: 1, validationExamples: 10 };
  const trainer = await createTrainer({ model, task, ...sizes });
  const tested = testRun({ ...run!, model }, trainer, () => {});
  await expect(tested).rejects.toThrow(NumericalError);
  await expect(tested).rejects.toThrow('evaluate: expected a finite loss at length 24, got NaN.');

  const longer = task.atLength(24).generate({ split: 'test', seed: 1, count: 5 });
  const alone = evaluateFreeRunning(model, trainer.params, longer, { batchSize: 2 });
  await expect(alone).rejects.toThrow(NumericalError);
  await expect(alone).rejects.toThrow(
    'free-running test: expected finite logits at length 24, got NaN at position 20.',
  );
  trainer.dispose();
});
