import { createTrainer, useEngine } from '@mixerzoo/core';
import { assertSameStructure } from '@mixerzoo/core/harness';
import { expect, it } from 'vitest';
import { discoverPlugins } from '../plugins.js';
import { testRun } from '../runs/test-run.js';
import { type ExperimentConfig, experimentSchema } from './experiment.js';
import { resolveRuns } from './resolve-runs.js';

const registry = await discoverPlugins(process.cwd());
const resolve = (config: ExperimentConfig) =>
  resolveRuns(
    {
      experiment: experimentSchema.parse({
        task: { task: 'mqar', vocabSize: 64, seqLen: 16, numKvPairs: 4 },
        model: { dModel: 16 },
        train: { batchSize: 8, validationExamples: 8, testExamples: 32 },
        testLengths: [32, 64],
        ...config,
      }),
      files: [],
    },
    registry,
  );

const layers = (...mixers: object[]) => ({
  layers: mixers.map((mixer) => ({ dropout: 0, init: 'fanIn', ...mixer })) as never,
});
const MODELS = {
  Rotary: layers({ mixer: 'attention', positional: 'rope' }, { mixer: 'cat', positional: 'rope' }),
  Bare: layers({ mixer: 'mhcat', nHeads: 2 }),
  Slopes: layers({ mixer: 'attention', positional: 'alibi', nHeads: 2 }),
  Recurrent: { layers: ['mamba'] },
};

const extensions = (run: Awaited<ReturnType<typeof resolve>>[number], seqLen: number) =>
  (
    (run.extended.get(seqLen) ?? run.model).config['layers'] as { sequenceMixer: { config: Record<string, unknown> } }[]
  ).map(({ sequenceMixer }) => sequenceMixer.config['contextExtension']);

it('extends what can be, by as much as a length asks for, and nothing at the training length', async () => {
  const [rotary, bare, slopes, recurrent] = await resolve({ models: MODELS, extendContext: true });
  const interpolated = { method: 'interpolation', temperature: 'logits', factor: 4, originalLength: 16 };
  expect(extensions(rotary!, 64)).toEqual([interpolated, interpolated]);
  expect(extensions(rotary!, 16)).toEqual([undefined, undefined]);
  expect(extensions(bare!, 32)).toEqual([{ method: 'yarn', temperature: 'logits', factor: 2, originalLength: 16 }]);
  for (const run of [slopes!, recurrent!]) expect(run.extended.size).toBe(0);
});

it('is part of what a run is, and without it nothing is extended', async () => {
  const [plain] = await resolve({ models: { Rotary: MODELS.Rotary } });
  const [extended] = await resolve({ models: { Rotary: MODELS.Rotary }, extendContext: true });
  expect(plain!.extended.size).toBe(0);
  expect(plain!.config).not.toHaveProperty('extendContext');
  expect(extended!.config.extendContext).toBe(true);
  expect(extended!.config.id).not.toBe(plain!.config.id);
});

it('tests the trained parameters with the extended context, and says so', async () => {
  await useEngine('wasm');
  const [run] = await resolve({ models: { Rotary: MODELS.Rotary }, extendContext: true });
  const { model, task } = run!;
  const trainer = await createTrainer({
    model,
    task,
    seed: 0,
    batchSize: 8,
    examplesPerEpoch: 80,
    epochs: 1,
    validationExamples: 8,
  });
  await trainer.runEpoch();
  assertSameStructure(trainer.params, run!.extended.get(64)!.init(0), 'extended');
  const extended = await testRun(run!, trainer, () => {});
  const plain = await testRun({ ...run!, extended: new Map() }, trainer, () => {});
  expect(extended.test.map((at) => at.extended)).toEqual([undefined, true, true]);
  expect(plain.test.map((at) => at.extended)).toEqual([undefined, undefined, undefined]);
  expect(extended.test[0]).toEqual(plain.test[0]);
  for (const index of [1, 2]) {
    const [by, without] = [extended.test[index]!.loss, plain.test[index]!.loss];
    expect(Math.abs(by - without)).toBeGreaterThan(1e-6);
    expect(Math.abs(by - without)).toBeLessThan(0.2);
  }
  trainer.dispose();
});
