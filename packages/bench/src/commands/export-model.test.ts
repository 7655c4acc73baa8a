/** `mixerzoo export hf` of runs that were trained in this test. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byteTokenizer, prepareData } from '@mixerzoo/text';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/command.js';
import { mixerzoo as inProcess } from '../__fixtures__/in-process.js';
import { type ExperimentConfig, experimentSchema } from '../experiment/experiment.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { trainRun } from '../runs/train-run.js';

let cwd: string;
/** Directories of runs by label. */
const runs: Record<string, string> = {};

async function train(config: ExperimentConfig): Promise<void> {
  const registry = await discoverPlugins(process.cwd());
  for (const run of await resolveRuns({ experiment: experimentSchema.parse(config), files: [] }, registry)) {
    const directory = join(cwd, 'runs', run.directoryName);
    const lease = { assertHeld() {}, commit: writeFileSync };
    await trainRun(run, directory, { workers: 1, packages: [], lease, onProgress() {} });
    runs[run.config.label] = directory;
  }
}

/** A process of its own, which may have an engine of its own. */
const inCwd = (...args: string[]) => mixerzoo(cwd, ...args);

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-export-'));
  const texts = Array.from({ length: 200 }, (_, index) => JSON.stringify({ text: `fern ${index} grew by the wall` }));
  writeFileSync(join(cwd, 'text.jsonl'), `${texts.join('\n')}\n`);
  const data = join(cwd, 'data');
  await prepareData({ files: [join(cwd, 'text.jsonl')], tokenizer: byteTokenizer(), out: data });
  await train({
    name: 'tiny',
    task: { task: 'text', data, seqLen: 24 },
    model: { dModel: 16, norm: 'rmsNorm', channelMixer: 'swiGlu' },
    models: {
      LLaMA: { layers: [{ mixer: 'attention', positional: 'rope', nHeads: 2, bias: false }] },
      CAT: { layers: ['cat'] },
    },
    train: { batchSize: 8, epochs: 1, stepsPerEpoch: 10, validationExamples: 8, testExamples: 8 },
    engine: 'wasm',
  });
});
afterAll(() => rmSync(cwd, { recursive: true }));

/** A tokenizer.json with a token more than a model has rows for. */
function withToken(text: string): string {
  const json = JSON.parse(text) as { added_tokens: object[] };
  json.added_tokens.push({ ...json.added_tokens[0], id: 300, content: '<more>' });
  return JSON.stringify(json);
}

describe('mixerzoo export hf', () => {
  it('writes a run that goes on as the run does, tokenizer and all', async () => {
    const run = runs['LLaMA'] as string;
    const { code, stdout, stderr } = await inCwd('export', 'hf', run, '--json');
    expect(code, stderr).toBe(0);
    const out = join(run, 'hf');
    expect(JSON.parse(stdout)).toEqual({ directory: out, layout: 'llama', dtype: 'F32' });
    expect(readdirSync(out).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({
      model_type: 'llama',
      max_position_embeddings: 24,
      vocab_size: 257,
      eos_token_id: 256,
      torch_dtype: 'float32',
    });
    const goOn = (of: string) =>
      inProcess('generate', of, '--prompt', 'the fern', '--max-tokens', '20', '--seed', '3', '--engine', 'wasm');
    const [ours, theirs] = [await goOn(run), await goOn(out)];
    expect(theirs.code, theirs.stderr).toBe(0);
    expect(theirs.stdout).toBe(ours.stdout);
    expect(theirs.stdout.length).toBeGreaterThan(10);
  });

  it('exports in halves, and again what it exported', async () => {
    const [half, again] = [join(cwd, 'half'), join(cwd, 'again')];
    const first = await inCwd('export', 'hf', runs['LLaMA'] as string, '--dtype', 'F16', '--out', half);
    expect(first.stdout).toMatch(/^LLaMA exported as llama, F16: /);
    const second = await mixerzoo(
      cwd,
      'export',
      'hf',
      half,
      '--dtype',
      'F16',
      '--out',
      again,
      '--layout',
      'transformer',
    );
    expect(second.code, second.stderr).toBe(0);
    expect(JSON.parse(readFileSync(join(again, 'config.json'), 'utf8'))).toMatchObject({ model_type: 'transformer' });
    expect(readFileSync(join(again, 'tokenizer.json'), 'utf8')).toBe(
      readFileSync(join(half, 'tokenizer.json'), 'utf8'),
    );
  });

  it('has the token that ends texts, whatever it is called', async () => {
    const out = join(cwd, 'named');
    await inCwd('export', 'hf', runs['LLaMA'] as string, '--out', out);
    const file = join(out, 'tokenizer.json');
    const json = readFileSync(file, 'utf8').replaceAll('<|endoftext|>', '<fin>');
    writeFileSync(file, json);
    const goOn = () => inProcess('generate', out, '--prompt', 'the', '--max-tokens', '3', '--engine', 'wasm');
    const { code, stderr } = await goOn();
    expect(code, stderr).toBe(0);

    for (const [name, text, message] of [
      ['tokenizer_config.json', '{"eos_token": "<none>"}', /expected a token that ends a text, <none>, got none/],
      ['tokenizer_config.json', '{"eos_', /tokenizer_config\.json: expected a JSON object/],
      ['tokenizer.json', '{', /tokenizer\.json: expected a JSON object/],
      ['tokenizer.json', withToken(json), /expected a tokenizer of at most 257 tokens, got one of 301/],
    ] as const) {
      writeFileSync(join(out, name), text);
      const wrong = await goOn();
      expect(wrong.stderr).toMatch(message);
      expect(wrong.code).toBe(2);
      writeFileSync(join(out, name), name === 'tokenizer.json' ? json : '{}');
    }
  });

  it('says what is wrong', async () => {
    const model = runs['LLaMA'] as string;
    for (const [call, args, message] of [
      [inProcess, [], 'export hf: expected the directory of a run, got none'],
      [inProcess, [model, '--dtype', 'F8'], "unknown dtype 'F8'. Did you mean 'F32'? Known: BF16, F16, F32."],
      [inCwd, [model, '--layout', 'mamba'], "Mamba: expected residual 'mixerOnly', got 'sequential'"],
      [inCwd, [runs['CAT'] as string], "LLaMA: expected the mixer 'attention' or 'slidingWindow', got 'cat'"],
    ] as const) {
      const { code, stderr } = await call('export', 'hf', ...args);
      expect(stderr.replaceAll(/\s+/g, ' ')).toContain(message);
      expect(code).toBe(2);
    }
  });
});
