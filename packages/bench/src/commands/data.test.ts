import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byteTokenizer } from '@mixerzoo/text';
import { afterAll, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/in-process.js';

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-data-'));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string): string {
  const file = join(directory, name);
  writeFileSync(file, content);
  return file;
}
const book = write('book.txt', 'The sea was wet as wet could be.\n'.repeat(100));
const out = (name: string) => join(directory, name);

it('prepares files, and says what the data hold', async () => {
  const { code, stdout } = await mixerzoo('data', 'prepare', book, '--out', out('a'));
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /bytes, vocabulary 257, hash [0-9a-f]{16}\n {2}train +1 documents, 2971 tokens, 0\.00 MB of text, 1 file/,
  );
  expect(stdout).toMatch(/Prepared in .+, peak memory \d+ MB\./);
  expect(existsSync(`${out('a')}.partial`)).toBe(false);
  const info = await mixerzoo('data', 'info', out('a'), '--verify', '--json');
  expect(JSON.parse(info.stdout)).toMatchObject({
    splits: { train: { tokens: 2_971 } },
    tokenizer: { vocabSize: 257 },
  });
});

it('takes several files, shares, a tokenizer of its own', async () => {
  const lines = write('lines.txt', Array.from({ length: 30 }, (_, i) => `paragraph ${i}`).join('\n\n'));
  const held = write('held.txt', 'held out');
  const tokenizer = write('tokenizer.json', JSON.stringify(byteTokenizer().json));
  const flags = ['--separator', 'blank-line', '--validation', '0.1', '--test', held, '--tokenizer', tokenizer];
  const { code, stdout } = await mixerzoo(
    'data',
    'prepare',
    lines,
    book,
    ...flags,
    '--shard-tokens',
    '100',
    '--out',
    out('b'),
    '--json',
  );
  expect(code).toBe(0);
  const { splits } = JSON.parse(stdout) as { splits: Record<string, { documents: number; shards: unknown[] }> };
  expect([splits['train']!.documents, splits['validation']!.documents, splits['test']!.documents]).toEqual([28, 3, 1]);
  expect(splits['validation']!.shards.length).toBe(34);
});

it.each([
  [['prepare', book], /expected --out <directory>, got none/],
  [['prepare', '--out', 'x'], /expected files, or --corpus, got neither or both/],
  [['prepare', book, '--corpus', 'factbook', '--out', 'x'], /expected files, or --corpus/],
  [['prepare', '--corpus', 'factbok', '--out', 'x'], /unknown corpus 'factbok'\. Did you mean 'factbook'/],
  [['prepare', book, '--format', 'json', '--out', 'x'], /unknown format 'json'\. Did you mean 'jsonl'/],
  [
    ['prepare', book, '--tokenizer', 'none.json', '--out', 'x'],
    /--tokenizer: expected bytes, bpe:<vocabulary> or a tokenizer\.json, got 'none\.json'/,
  ],
  [['prepare', book, '--shard-tokens', 'many', '--out', out('c')], /expected files of 1 to 2\^31 - 1 tokens, got NaN/],
  [['prepare', out('none.txt'), '--out', out('d')], /none\.txt: expected a file, got none/],
  [
    ['prepare', book, '--tokenizer', 'bpe:4096', '--out', out('e')],
    /bpe: expected text for a vocabulary of 4096, got enough for \d+/,
  ],
  [['prepare', '--corpus', 'factbook', '--test', '0.1', '--out', 'x'], /--test: expected it where it does something/],
  [
    ['prepare', '--corpus', 'factbook', '--shard-tokens', '5', '--out', 'x'],
    /got it for 'data prepare --corpus', which/,
  ],
  [['prepare', book, '--verify', '--out', 'x'], /--verify: expected it where it does something/],
  [
    ['prepare', book, '--end-of-text', '!', '--out', 'x'],
    /--end-of-text: expected it beside a tokenizer\.json, got it/,
  ],
  [['prepare', book, '--field', 'body', '--out', out('f')], /expected JSON Lines or Parquet beside the field 'body'/],
  [
    ['info', directory, '--tokenizer', 'bytes'],
    /--tokenizer: .* for 'data info', which takes --verify, --json\. Leave/,
  ],
  [['info', directory], /expected prepared data, got no index\.json there/],
  [['info'], /data info: expected one directory, got 0/],
  [['show', directory], /unknown action of data 'show'/],
] as const)('answers data %j with what is wrong', async (args, message) => {
  const { code, stderr } = await mixerzoo('data', ...args);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});
