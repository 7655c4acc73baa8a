import { writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCheckpoint, writeCheckpoint } from '@mixerzoo/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { experimentSchema } from '../experiment/experiment.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { type Lease, LeaseLostError } from './lease.js';
import { loadRun } from './read-results.js';
import { trainRun } from './train-run.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mixerzoo-train-run-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const HELD = { assertHeld() {}, commit: writeFileSync };

const train = async (task: object, id?: string, lease: Pick<Lease, 'assertHeld' | 'commit'> = HELD) => {
  const experiment = experimentSchema.parse({
    task,
    model: { dModel: 8 },
    models: { A: { layers: ['attention'] } },
    train: { batchSize: 8, epochs: 2, stepsPerEpoch: 2, validationExamples: 8, testExamples: 64 },
  });
  const [run] = await resolveRuns({ experiment, files: [] }, await discoverPlugins(process.cwd()));
  const planned = id === undefined ? run! : { ...run!, config: { ...run!.config, id } };
  return trainRun(planned, directory, { workers: 1, packages: [], lease, onProgress: () => {} });
};

const MQAR = { task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 };

it('records when each epoch ended and on which engine, also of a run resumed on another', async () => {
  const began = Date.now();
  const result = await train(MQAR);
  expect(result).not.toHaveProperty('engines');
  expect(result.test[0]).not.toHaveProperty('repeats');
  const { epochs, environment } = await loadRun(directory);
  const { engine } = epochs[0]!;
  expect(engine.split(' ')[0]).toBe(environment!.engine.name);
  expect(epochs.map((epoch) => epoch.engine)).toEqual([engine, engine]);
  const ends = epochs.map(({ finishedAt }) => Date.parse(finishedAt!));
  expect(ends).toEqual(ends.toSorted());
  expect(ends[0]).toBeGreaterThanOrEqual(began);
  expect(ends[1]).toBeLessThanOrEqual(Date.now());

  const checkpoint = join(directory, 'checkpoint');
  const { tensors, sidecar } = await readCheckpoint(checkpoint);
  const [first, second] = sidecar['history'] as object[];
  const history = [{ ...first, engine: 'abacus' }, second];
  await writeCheckpoint(checkpoint, { tensors, sidecar: { ...sidecar, history } });
  expect((await train(MQAR)).engines).toEqual(['abacus', engine]);
  expect((await loadRun(directory)).epochs.map((epoch) => epoch.engine)).toEqual(['abacus', engine]);
});

it('leaves what another process has written that took over before the first step', async () => {
  await train(MQAR);
  const contents = async () => {
    const found = await readdir(directory, { recursive: true, withFileTypes: true });
    const paths = found.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
    return Promise.all(paths.sort().map(async (path) => [path, await readFile(path, 'latin1')]));
  };
  const before = await contents();
  const assertHeld = () => {
    throw new LeaseLostError(directory);
  };
  await expect(train(MQAR, undefined, { ...HELD, assertHeld })).rejects.toThrow(LeaseLostError);
  expect(await contents()).toEqual(before);
});

it('refuses a checkpoint of a run of other code, which has another id, wherever it was copied from', async () => {
  await train(MQAR);
  await expect(train(MQAR, '0123456789ab')).rejects.toThrow(
    /expected a checkpoint of this run, got one of another: identity is "0123456789ab" here and "[0-9a-f]{12}" there/,
  );
});

it('counts the test examples that differ, of a task with few', async () => {
  const few = await train({ task: 'selectiveCopy', seqLen: 8, numSignals: 1, signalVocabSize: 4, noiseVocabSize: 1 });
  const [test] = few.test;
  expect(test!.examples).toBe(64);
  expect(test!.repeats!.distinct).toBeLessThan(16);
  expect(test!.repeats!.effective).toBeLessThanOrEqual(test!.repeats!.distinct);
  expect(few.validation.repeats).toBeDefined();
});
