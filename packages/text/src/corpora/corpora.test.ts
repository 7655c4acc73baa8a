import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openDataSet } from '../shards/data-set.js';
import { text } from '../text-task.js';
import { prepareCorpus } from './open-corpus.js';

const cache = mkdtempSync(join(tmpdir(), 'mixerzoo-cache-'));
const before = process.env['XDG_CACHE_HOME'];
beforeAll(() => {
  process.env['XDG_CACHE_HOME'] = cache;
});
afterAll(() => {
  if (before === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before;
  rmSync(cache, { recursive: true });
});

it('is prepared on first use, by several processes at once, the same as elsewhere', async () => {
  const module = new URL('./open-corpus.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(module)}).then(({ openCorpus }) => console.log(openCorpus('factbook', 'bytes').hash))`;
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const hashes = await Promise.all(
    [1, 2].map(async () => {
      const child = spawn(process.execPath, ['--conditions=@mixerzoo/source', '--import', 'tsx', '-e', code], { cwd });
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += String(chunk);
      });
      const [exitCode] = (await once(child, 'close')) as [number];
      expect(exitCode).toBe(0);
      return output.trim();
    }),
  );
  expect(readdirSync(join(cache, 'mixerzoo')).filter((name) => name.startsWith('factbook'))).toHaveLength(1);

  const task = text({ corpus: 'factbook', seqLen: 128 });
  expect(new Set([...hashes, task.config['dataHash']]).size).toBe(1);
  const elsewhere = join(cache, 'elsewhere');
  prepareCorpus('factbook', 'bytes', elsewhere);
  const set = openDataSet(elsewhere);
  expect(set.hash).toBe(task.config['dataHash']);
  expect(set.index.splits.train.documents).toBe(235);
  expect(set.tokenizer.decode(set.read('train', 1, 13))).toBe('Introduction\n');
  prepareCorpus('factbook', 'bytes', elsewhere);
  expect(() => prepareCorpus('factbook', 'bpe:300', elsewhere)).toThrow(
    /expected a new directory, or data prepared from/,
  );
  expect(() => prepareCorpus('factbook', 'bytes', cache)).toThrow(/expected a new directory/);
});

it('is prepared anew where the cache is damaged, and says so', () => {
  const corpus = { corpus: 'factbook', seqLen: 128 } as const;
  const { dataHash } = text(corpus).config;
  const [kept] = readdirSync(join(cache, 'mixerzoo')).filter((name) => name.startsWith('factbook-bytes'));
  const directory = join(cache, 'mixerzoo', kept!);
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  for (const damage of [
    () => truncateSync(join(directory, 'test_000000.bin'), 2_000),
    () => writeFileSync(join(directory, 'tokenizer.json'), '{}'),
  ]) {
    damage();
    expect(text(corpus).config['dataHash']).toBe(dataHash);
  }
  expect(warn.mock.calls.map(([message]) => String(message))).toEqual([
    expect.stringMatching(/corpus 'factbook' is prepared anew: .*test_000000\.bin: expected \d+ bytes, got 2000/),
    expect.stringMatching(/prepared anew: .*tokenizer\.json: expected the tokenizer of the shards/),
  ]);
  warn.mockClear();
  expect(text(corpus).config['dataHash']).toBe(dataHash);
  expect(warn).not.toHaveBeenCalled();
});

it('has a tokenizer of its own, if asked', () => {
  const task = text({ corpus: 'factbook', tokenizer: 'bpe:300', seqLen: 128 });
  expect(task.vocabSize).toBe(300);
  expect(task.config).toMatchObject({ corpus: 'factbook', tokenizer: 'bpe:300', seqLen: 128 });
});
