import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTrainer, useEngine } from '@mixerzoo/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { experimentSchema } from '../experiment/experiment.js';
import { type PlannedRun, resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { CONFIG, writeRecord } from '../runs/records.js';
import { harnessValues } from './harness-values.js';

const registry = await discoverPlugins(process.cwd());

let root: string;
let run: PlannedRun;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mixerzoo-harness-'));
  await useEngine('wasm');
  const experiment = experimentSchema.parse({
    task: { task: 'text', corpus: 'factbook', seqLen: 32 },
    model: { dModel: 8 },
    models: { Tiny: { layers: ['cat'] } },
    train: { batchSize: 4, validationExamples: 4, testExamples: 4 },
  });
  [run] = (await resolveRuns({ experiment, files: [] }, registry)) as [PlannedRun];
  const { model, task, config } = run;
  const sizes = { batchSize: 4, examplesPerEpoch: 4, epochs: 1, validationExamples: 4 };
  const trainer = await createTrainer({ model, task, seed: 0, freshExamples: true, ...sizes });
  await trainer.runEpoch();
  await writeRecord(CONFIG, root, config.id, config);
  await trainer.save(join(root, 'checkpoint'));
  trainer.dispose();
});
afterAll(() => rm(root, { recursive: true }));

it('measures the tasks whose files are there, and says why others are not', async () => {
  const rows = ['open a jar', 'dry a plate', 'cut paper'].map((goal, index) =>
    JSON.stringify({ goal, sol1: 'twist it', sol2: 'use a towel or scissors', label: index % 2 }),
  );
  await writeFile(join(root, 'piqa.jsonl'), `${rows.join('\n')}\n`);
  const engine = await useEngine('wasm');
  const options = { data: root, engine, registry };
  const { harness, missing } = await harnessValues(new Map([['Tiny', root]]), options);
  const { piqa, ...others } = harness.get('Tiny')!;
  expect([0, 1 / 3, 2 / 3, 1].some((share) => Math.abs(share - piqa!) < 1e-9)).toBe(true);
  expect(others).toEqual({});
  expect(missing.get('hellaswag')).toMatch(/^hellaswag: expected its data in /);
  expect(missing.has('piqa')).toBe(false);
  // What is kept in the run's directory answers again.
  expect((await harnessValues(new Map([['Tiny', root]]), options)).harness).toEqual(harness);
});

it('opens no model where there is no data', async () => {
  const options = { data: join(root, 'nowhere'), engine: await useEngine('wasm'), registry };
  const { harness, missing } = await harnessValues(new Map([['Tiny', join(root, 'no run')]]), options);
  expect(harness.size).toBe(0);
  expect(missing.size).toBe(8);
});

it('says of a task that it cannot ask why, and measures the others', async () => {
  const place = await mkdtemp(join(tmpdir(), 'mixerzoo-harness-data-'));
  const row = { goal: 'cut', sol1: 'x'.repeat(40), sol2: 'y', label: 0 };
  await writeFile(join(place, 'piqa.jsonl'), `${JSON.stringify(row)}\n`);
  await writeFile(
    join(place, 'winogrande.jsonl'),
    `${JSON.stringify({ sentence: 'A _ b', option1: 'x', option2: 'y', answer: '1' })}\n`,
  );
  const { harness, missing } = await harnessValues(new Map([['Tiny', root]]), {
    data: place,
    engine: await useEngine('wasm'),
    registry,
  });
  await rm(place, { recursive: true });
  expect(Object.keys(harness.get('Tiny')!)).toEqual(['winogrande']);
  expect(missing.get('piqa')).toMatch(/^piqa, document 0: expected a continuation of 1 to 32 tokens, got 41 /);
  expect(missing.get('hellaswag')).not.toContain('--data'); // which table takes a directory by alone
});
