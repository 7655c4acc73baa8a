/**
 * Every mixer on threads of the wasm engine: a short training gives the same losses and parameters, bit for bit, on one
 * thread and on two. A kernel is divided once it has been seen to take long: sizes are chosen so that most are.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { useEngine } from '@mixerzoo/core';
import { describe, expect, it } from 'vitest';

/** Prints, as JSON, the number of threads, and for each mixer its losses and a checksum of its parameters. */
const PROGRAM = `
import { createHash } from 'node:crypto';
import { createLanguageModel, createTrainer, useEngine } from '@mixerzoo/core';
import { treeLeaves } from '@mixerzoo/core/harness';
import { mqar } from '@mixerzoo/tasks';
import { discoverPlugins } from './src/plugins.ts';

const { details } = await useEngine('wasm');
const results = {};
for (const { name, part: factory } of (await discoverPlugins(process.cwd())).mixers) {
  const trainer = await createTrainer({
    model: createLanguageModel({ vocabSize: 256, dModel: 64, layers: [{ sequenceMixer: factory({ dModel: 64 }) }] }),
    task: mqar({ vocabSize: 256, seqLen: 64, numKvPairs: 8 }),
    batchSize: 16,
    examplesPerEpoch: 64,
    epochs: 1,
    validationExamples: 64,
  });
  const { trainLoss, validationLoss } = await trainer.runEpoch();
  const hash = createHash('sha256');
  for (const leaf of treeLeaves(trainer.params)) hash.update(leaf.dataSync());
  results[name] = { trainLoss, validationLoss, parameters: hash.digest('hex') };
  trainer.dispose();
}
console.log(JSON.stringify({ threads: details.threads, results }));
`;

interface Report {
  readonly threads: number;
  readonly results: Readonly<Record<string, unknown>>;
}

async function trainOn(threads: number): Promise<Report> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@mixerzoo/source', '--import', 'tsx', '--input-type=module', '--eval', PROGRAM],
    { cwd: new URL('../..', import.meta.url), env: { ...process.env, MIXERZOO_THREADS: String(threads) } },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Report;
}

describe('mixers on two threads of the wasm engine', () => {
  it('train to the bits of one thread', async (context) => {
    const { name } = await useEngine();
    if (name !== 'wasm') return context.skip(`threads are the wasm engine's, this is ${name}`);
    const [one, two] = await Promise.all([trainOn(1), trainOn(2)]);
    expect([one.threads, two.threads]).toEqual([1, 2]);
    expect(Object.keys(one.results)).toContain('mamba');
    expect(two.results).toEqual(one.results);
  }, 120_000);
});
