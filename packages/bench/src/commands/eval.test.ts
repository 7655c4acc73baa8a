/** `mixerzoo eval` and `mixerzoo generate` on runs that were trained in this test. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byteTokenizer, prepareData } from '@mixerzoo/text';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ended, start, until } from '../__fixtures__/command.js';
import { mixerzoo } from '../__fixtures__/in-process.js';
import { type ExperimentConfig, experimentSchema } from '../experiment/experiment.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import type { RunDone } from '../runs/results.js';
import { trainRun } from '../runs/train-run.js';

let cwd: string;
/** Directories of runs by label. */
const runs: Record<string, string> = {};

const tiny = (data: string): ExperimentConfig => ({
  name: 'tiny',
  task: { task: 'text', data, seqLen: 16 },
  model: { dModel: 16, dropout: { embedding: 0 } },
  models: {
    RoPE: { layers: [{ mixer: 'cat', positional: 'rope', nHeads: 2 }] },
    Scan: { layers: ['mamba'], model: { norm: 'rmsNorm', channelMixer: 'swiGlu' } },
  },
  train: { batchSize: 8, epochs: 1, stepsPerEpoch: 10, validationExamples: 8, testExamples: 8 },
  engine: 'wasm',
});
const recall: ExperimentConfig = {
  name: 'recall',
  task: { task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 },
  model: { dModel: 16 },
  models: { Recall: { layers: ['attention'] } },
  train: { batchSize: 8, epochs: 1, stepsPerEpoch: 2, validationExamples: 8, testExamples: 8 },
  engine: 'wasm',
};

async function train(config: ExperimentConfig): Promise<void> {
  const registry = await discoverPlugins(process.cwd());
  for (const run of await resolveRuns({ experiment: experimentSchema.parse(config), files: [] }, registry)) {
    const directory = join(cwd, 'runs', config.name as string, run.directoryName);
    const lease = { assertHeld() {}, commit: writeFileSync };
    await trainRun(run, directory, { workers: 1, packages: [], lease, onProgress() {} });
    runs[run.config.label] = directory;
  }
}

const evaluate = (...args: string[]) => mixerzoo('eval', ...args, '--engine', 'wasm');
const published = () => ['--data', join(cwd, 'published'), '--max-length', '128'];

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-eval-'));
  const words = ['the fern', 'grew by', 'the wall', 'é and', 'fell'];
  const documents = Array.from({ length: 300 }, (_, index) =>
    [0, 3, 7, 1].map((step) => words[(index * step + step) % 5]).join(' '),
  );
  writeFileSync(join(cwd, 'text.jsonl'), documents.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  const data = join(cwd, 'data');
  await prepareData({ files: [join(cwd, 'text.jsonl')], tokenizer: byteTokenizer(), out: data });
  mkdirSync(join(cwd, 'published'));
  const questions = Array.from({ length: 60 }, (_, index) => ({
    goal: `goal ${index}`,
    sol1: 'the fern grew '.repeat((index % 7) + 1),
    sol2: 'fell',
    label: index % 2,
  }));
  writeFileSync(join(cwd, 'published', 'piqa.jsonl'), questions.map((row) => `${JSON.stringify(row)}\n`).join(''));
  for (const config of [tiny(data), recall]) await train(config);
});
afterAll(() => rmSync(cwd, { recursive: true }));

describe('mixerzoo eval', () => {
  it('scores a run on a task, prints the table of the harness, and keeps samples', async () => {
    const { code, stdout } = await evaluate(runs['Scan']!, '--tasks', 'piqa', ...published(), '--limit', '50');
    expect(code).toBe(0);
    expect(stdout).toMatch(/\|Tasks\|Version\|Filter\|n-shot\| Metric/);
    expect(stdout).toMatch(/\|piqa \| {6}1\|none {2}\| {5}0\|acc/);
    expect(stdout).toContain('The first 50 of 60 documents of piqa');
    const files = readdirSync(join(runs['Scan']!, 'eval'));
    const samples = readFileSync(join(runs['Scan']!, 'eval', files.find((name) => name.includes('samples'))!), 'utf8');
    const lines = samples
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { doc_id: number; acc: number });
    expect(lines.map(({ doc_id }) => doc_id)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    const again = await evaluate(runs['Scan']!, '--tasks', 'piqa', ...published(), '--limit', '50', '--json');
    const json = JSON.parse(again.stdout) as { results: Record<string, Record<string, unknown>> };
    const accuracy = lines.reduce((sum, { acc }) => sum + acc, 0) / 50;
    expect(json.results['piqa']!['acc,none']).toBeCloseTo(accuracy, 12);
  });

  it('begins every context with the token that begins texts, where asked to', async () => {
    const likelihoods = async (...more: string[]) => {
      const out = join(cwd, `bos${more.length}`);
      const { code, stderr } = await evaluate(
        runs['Scan']!,
        ...['--tasks', 'piqa', ...published(), '--limit', '2', '--out', out, ...more],
      );
      expect(code, stderr).toBe(0);
      return readFileSync(join(out, readdirSync(out).find((name) => name.includes('samples'))!), 'utf8');
    };
    expect(await likelihoods('--add-bos')).not.toBe(await likelihoods());
  });

  it('that was killed goes on, to the same bytes', async () => {
    const args = [runs['RoPE']!, '--tasks', 'piqa', ...published(), '--batch-size', '1', '--engine', 'wasm'];
    const whole = await mixerzoo('eval', ...args, '--out', join(cwd, 'whole'));
    expect(whole.code, whole.stderr).toBe(0);
    const child = start(cwd, ['eval', ...args, '--out', join(cwd, 'parts')]);
    const end = ended(child);
    const partial = () =>
      existsSync(join(cwd, 'parts')) && readdirSync(join(cwd, 'parts')).find((name) => name.includes('partial'));
    await until(() => {
      const name = partial();
      return name ? readFileSync(join(cwd, 'parts', name), 'utf8').split('\n').length > 5 : false;
    }, 'some batches are scored');
    child.kill('SIGKILL');
    await end;
    expect(partial()).toBeDefined();
    const again = await mixerzoo('eval', ...args, '--out', join(cwd, 'parts'));
    expect(again.code, again.stderr).toBe(0);
    const contents = (directory: string) =>
      readdirSync(join(cwd, directory))
        .filter((name) => name !== '.lock')
        .map((name) => [name, readFileSync(join(cwd, directory, name), 'utf8')]);
    expect(contents('parts')).toEqual(contents('whole'));
  });

  it('measures perplexity by length, with positions stretched and without', async () => {
    const perplexity = async (model: string, ...more: string[]) => {
      const { code, stdout, stderr } = await evaluate(
        model,
        '--tasks',
        'perplexity',
        '--lengths',
        '64,16',
        '--json',
        ...more,
      );
      expect(code, stderr).toBe(0);
      return (
        JSON.parse(stdout) as { perplexity: { length: number; tokens: number; loss: number; bitsPerByte: number }[] }
      ).perplexity;
    };
    for (const directory of [runs['RoPE']!, runs['Scan']!]) {
      const { test } = JSON.parse(readFileSync(join(directory, 'result.json'), 'utf8')) as RunDone;
      const [tested] = await perplexity(directory, '--tokens', '128'); // its 8 windows of 16, by the model put together again
      expect(tested!.loss).toBeCloseTo(test[0]!.loss, 5);
    }
    const plain = await perplexity(runs['RoPE']!);
    expect(plain.map(({ length }) => length)).toEqual([16, 64]);
    expect(plain[0]!.tokens).toBe(plain[1]!.tokens);
    expect(plain[0]!.bitsPerByte).toBeGreaterThan(plain[0]!.loss); // some tokens have no bytes, and ln 2 < 1
    const stretched = await perplexity(runs['RoPE']!, '--extend', 'interpolation+temperature');
    expect(stretched[0]!.loss).toBe(plain[0]!.loss);
    expect(stretched[1]!.loss).not.toBe(plain[1]!.loss);
    expect((await perplexity(runs['RoPE']!, '--extend', 'temperature'))[1]!.loss).not.toBe(stretched[1]!.loss);
    const scan = await perplexity(runs['Scan']!);
    expect(await perplexity(runs['Scan']!, '--extend', 'interpolation+temperature')).toEqual(scan);
  });

  it('says what is wrong', async () => {
    for (const [args, message] of [
      [
        [join(cwd, 'runs'), '--tasks', 'piqa', '--data', join(cwd, 'published')],
        "expected one run's directory, got one of 3 runs",
      ],
      [['none', '--tasks', 'piqa', '--data', join(cwd, 'published')], 'got no such directory'],
      [[runs['Scan']!, '--data', join(cwd, 'published')], 'expected --tasks, got none. There are: wikitext'],
      [[runs['Scan']!, '--tasks', 'pika', '--data', join(cwd, 'published')], "Did you mean 'piqa'?"],
      [[runs['Scan']!, '--tasks', 'piqa'], 'expected --data <directory> with the data of piqa, got none'],
      [
        [runs['Scan']!, '--tasks', 'piqa', '--data', join(cwd, 'data')],
        'Get the validation split of the data set baber/piqa',
      ],
      [[runs['Scan']!, '--tasks', 'perplexity', '--lengths', '99999'], 'expected 99999 tokens for a window at least'],
      [[runs['Scan']!, '--tasks', 'perplexity', '--lengths', 'a'], '--lengths: expected whole numbers'],
      [[runs['Scan']!, '--tasks', 'perplexity', '--extend', 'yarn'], "unknown extension 'yarn'"],
      [
        [runs['Recall']!, '--tasks', 'perplexity'],
        "expected a run of a task that is judged by likelihood, as 'text' is, got one of 'mqar'",
      ],
      [[runs['Recall']!, '--tasks', 'piqa', '--data', join(cwd, 'published')], "expected a run of the task 'text'"],
    ] as const) {
      const { code, stderr } = await evaluate(...args);
      expect(stderr.replaceAll('\n', ' ')).toContain(message);
      expect(code, args.join(' ')).toBe(2);
    }
  });
});

describe('mixerzoo generate', () => {
  const generate = (...args: string[]) => mixerzoo('generate', ...args, '--engine', 'wasm');

  it('goes on from a prompt, decided by the seed', async () => {
    const args = [runs['RoPE']!, '--prompt', 'é', '--max-tokens', '30', '--top-k', '20'];
    const [one, again] = [await generate(...args), await generate(...args)];
    const other = await generate(...args, '--seed', '1');
    expect(one.code, one.stderr).toBe(0);
    expect(one.stdout).toBe(again.stdout);
    expect(one.stdout).not.toBe(other.stdout);
    expect(one.stdout).toMatch(/^é/);
    expect(one.stderr).toMatch(/\d+ tokens, [\d.]+ a second; (max tokens|end of text)\./);
    const json = JSON.parse((await generate(...args, '--json')).stdout) as {
      prompt: string;
      text: string;
      tokens: number;
    };
    expect(`${json.prompt}${json.text}\n`).toBe(one.stdout);
  });

  it('begins from nothing, and takes the most likely tokens at temperature 0', async () => {
    const of = (seed: string) => generate(runs['Scan']!, '--max-tokens', '5', '--temperature', '0', '--seed', seed);
    const [one, two] = [await of('1'), await of('2')];
    expect(one.code, one.stderr).toBe(0);
    expect(one.stdout).toBe(two.stdout);
    for (const nothing of [['--prompt', ''], ['--prompt=']]) {
      const empty = await generate(runs['Scan']!, '--max-tokens', '5', '--temperature', '0', ...nothing);
      expect(empty.stdout, empty.stderr).toBe(one.stdout);
    }
  });

  it('says what is wrong', async () => {
    for (const [args, message] of [
      [[runs['Recall']!], "mqar: expected a run of the task 'text', whose tokens are of texts, got one of 'mqar'"],
      [[runs['Scan']!, '--top-p', '2'], "--top-p: expected a number above 0 and at most 1, got '2'"],
      [[runs['Scan']!, '--temperature', '-1'], "--temperature: expected a number from 0, got '-1'"],
      [[runs['Scan']!, '--temperature=-.5'], "--temperature: expected a number from 0, got '-.5'"],
      [[runs['Scan']!, '--max-tokens', '-1'], '--max-tokens: expected a whole number from 1, got -1'],
      [[runs['Scan']!, '--seed', '0.5'], '--seed: expected a seed, a whole number from'],
      [[runs['Scan']!, '--max-tokens', 'many'], '--max-tokens: expected a whole number from 1, got many'],
    ] as const) {
      const { code, stderr } = await generate(...args);
      expect(stderr.replaceAll('\n', ' ')).toContain(message);
      expect(code).toBe(2);
    }
  });
});
