/** Runs judged by likelihood, as users start them: killed within an epoch, gone on with, reported, compared, exported. Real processes. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { CLI, mixerzoo, newProject, ownerOf, start, until } from './__fixtures__/command.js';
import { loadRun } from './runs/read-results.js';
import { isDone, type RunDone } from './runs/results.js';

const CHAIN = pathToFileURL(CLI).href.replace('bench/src/cli.ts', 'core/src/train/__fixtures__/chain.ts');

const EXPERIMENT = `
import { chain } from '${CHAIN}';
export default {
  name: 'text',
  task: { task: chain, seqLen: 16 },
  model: { dModel: 16, dropout: { embedding: 0.1 } },
  models: { CAT: { layers: ['cat'] } },
  train: {
    batchSize: 8, accumulation: 2, tokens: 50_000, evaluations: 2, warmupTokens: 2000, warmupFrom: 1e-4,
    noDecay: ['embedding.*'], validationTokens: 1000, testTokens: 1024, checkpointMinutes: 0.001,
  },
  testLengths: [32],
  engine: 'wasm',
};`;

function project(): string {
  const cwd = newProject();
  writeFileSync(join(cwd, 'text.ts'), EXPERIMENT);
  return cwd;
}

const directoryOf = (cwd: string): string => {
  const root = join(cwd, 'runs', 'text');
  const [name] = existsSync(root) ? readdirSync(root).filter((name) => /-s\d+-/.test(name)) : [];
  return join(root, name ?? 'none yet');
};

/** The numbers of a result, without times. */
function numbers({ validation, test, baselines, steps }: RunDone) {
  return { validation, test, baselines, steps };
}

async function resultOf(cwd: string) {
  const run = await loadRun(directoryOf(cwd));
  if (!isDone(run)) throw new Error('expected a finished run');
  const curves = run.epochs.map(({ step, trainLoss, validationLoss }) => [step, trainLoss, validationLoss]);
  return { run, numbers: { ...numbers(run.result), curves } };
}

let whole: string;
beforeAll(async () => {
  whole = project();
  const { code, stdout } = await mixerzoo(whole, 'run', 'text.ts');
  expect(code).toBe(0);
  expect(stdout).toMatch(/validation \d\.\d{3} nats after 392 steps, .*MB of memory/);
  expect(stdout).toMatch(/Nats at 16 \[95 %\].*Perplexity at 32/);
  expect(stdout).toContain('bigram');
}, 600_000);

it('goes on within an epoch after kill -9, to the same numbers', async () => {
  const cwd = project();
  const child = start(cwd, ['run', 'text.ts']);
  const checkpoint = join(directoryOf(cwd), 'checkpoint', 'checkpoint.json');
  const partial = () => {
    const file = join(directoryOf(cwd), 'checkpoint', 'checkpoint.json');
    return existsSync(file) && readFileSync(file, 'utf8').includes('"partial"');
  };
  await until(partial, `${checkpoint} holds a part of an epoch`);
  const worker = ownerOf(directoryOf(cwd));
  child.kill('SIGKILL');
  if (worker !== undefined) process.kill(worker, 'SIGKILL');
  await once(child, 'close');
  expect(existsSync(join(directoryOf(cwd), 'result.json'))).toBe(false);

  expect((await mixerzoo(cwd, 'run', 'text.ts')).code).toBe(0);
  const [resumed, uninterrupted] = [await resultOf(cwd), await resultOf(whole)];
  expect(resumed.numbers).toEqual(uninterrupted.numbers);
  expect(resumed.run.steps.at(-1)!.seconds).toBeGreaterThan(0);
  const steps = resumed.run.steps.map(({ step }) => step);
  expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
}, 600_000);

it('is reported, compared and exported', async () => {
  const { run } = await resultOf(whole);
  const { result } = run;
  expect(result.test.map(({ seqLen, total }) => [seqLen, total])).toEqual([
    [16, 1024],
    [32, 1024],
  ]);
  expect(result.test[0]!.likelihood!.bitsPerByte).toBeCloseTo(result.test[0]!.loss / 2 / Math.LN2, 6);
  expect([result.to99, run.config.task.measure]).toEqual([null, 'likelihood']);
  const report = await mixerzoo(whole, 'report', 'runs/text');
  expect(report.stdout).toContain('Better than bigram');
  const compared = await mixerzoo(whole, 'compare', 'runs/text', 'runs/text');
  expect(compared.stdout).toContain('in nats');
  expect((await mixerzoo(whole, 'export', 'tensorboard', 'runs/text')).code).toBe(0);
}, 600_000);

it('refuses more text than there is, and settings that do not go together, before anything is trained', async () => {
  const refused = async (...assignments: string[]) => {
    const { code, stderr } = await mixerzoo(whole, 'run', 'text.ts', ...assignments.flatMap((one) => ['--set', one]));
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refused('train.testTokens=100000')).toMatch(/train: .*expected at most 250 windows of test, got 6250/);
  expect(await refused('train.accumulation=3')).toMatch(/train.accumulation: expected a divisor of batchSize 8, got 3/);
}, 600_000);
