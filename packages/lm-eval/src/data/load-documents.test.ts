/** Published layouts and forms of the same rows. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { evalTask } from '../tasks/index.js';
import { loadDocuments } from './load-documents.js';

const parquet = (name: string) => fileURLToPath(new URL(`../__fixtures__/parquet/${name}`, import.meta.url));

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'mixerzoo-lm-eval-data-'));
});
afterEach(() => rm(place, { recursive: true }));

async function put(path: string, content: string | Buffer): Promise<string> {
  const file = join(place, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}
const lines = (...rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const load = async (name: string, at = place) => (await loadDocuments(evalTask(name), at)).documents;

const solution = { goal: 'a', sol1: 'b', sol2: 'c' };

describe('data of a task', () => {
  it.each([
    'piqa.jsonl',
    'piqa/validation.jsonl',
    'piqa/dev.jsonl',
    'baber/piqa/validation.jsonl',
    'baber--piqa/data/validation.jsonl',
    'datasets--baber--piqa/snapshots/0f3c/plain_text/validation.jsonl',
  ])('is found as %s', async (path) => {
    await put(path, lines({ ...solution, label: 1 }));
    expect(await load('piqa')).toEqual([{ ...solution, label: 1 }]);
  });

  it('is not taken from files whose name several data sets have', async () => {
    await put('dev.jsonl', lines({ ...solution, label: 1 }));
    await expect(load('piqa')).rejects.toThrow('got no file of it');
    await expect(load('winogrande')).rejects.toThrow(
      /Get the validation split of the data set allenai\/winogrande, configuration winogrande_xl/,
    );
    expect(await load('piqa', join(place, 'dev.jsonl'))).toHaveLength(1);
  });

  it('may have its labels in a file beside it', async () => {
    const file = await put('piqa/dev.jsonl', lines(solution, solution));
    await put('piqa/dev-labels.lst', '1\n0\n');
    const documents = (await load('piqa')) as { label: number }[];
    expect(documents.map(({ label }) => label)).toEqual([1, 0]);
    await put('piqa/dev-labels.lst', '1\n');
    await expect(load('piqa', file)).rejects.toThrow(/dev-labels\.lst: expected 2 labels, as .* has rows, got 1/);
  });

  it('is read from Parquet, in shards, compressed in any way', async () => {
    const documents = (await load('arc_easy', parquet('arc_easy'))) as { answerKey: string; choices: object }[];
    expect(documents).toEqual([
      { question: 'Which?', choices: { text: ['ä', 'b', 'c'], label: ['1', '2', '3'] }, answerKey: '2' },
      { question: 'What?', choices: { text: ['x', 'y', 'z', 'w'], label: ['A', 'B', 'C', 'D'] }, answerKey: 'D' },
      { question: 'Who?', choices: { text: ['me', 'you', 'all'], label: ['A', 'B', 'C'] }, answerKey: 'A' },
    ]);
    expect(await load('piqa', parquet('piqa'))).toEqual([{ ...solution, label: 1 }]);
  });

  it('lacks no shard', async () => {
    await put('piqa/data/validation-00001-of-00002.parquet', '');
    await expect(load('piqa')).rejects.toThrow(/expected 2 files, as their names say, got 1: validation-00001/);
  });

  it('is read from the forms of its authors', async () => {
    const question = {
      stem: 'Which?',
      choices: [
        { text: 'a', label: 'A' },
        { text: 'b', label: 'B' },
      ],
    };
    await put('ARC-V1-Feb2018-2/ARC-Challenge/ARC-Challenge-Test.jsonl', lines({ id: 'x', question, answerKey: 'B' }));
    expect(await load('arc_challenge')).toEqual([
      { question: 'Which?', choices: { text: ['a', 'b'], label: ['A', 'B'] }, answerKey: 'B' },
    ]);
    await put('lambada_test_plain_text.txt', 'a b c\nd e\n');
    expect(await load('lambada_standard')).toEqual([{ text: 'a b c' }, { text: 'd e' }]);
    await put('lambada_openai.jsonl.gz', gzipSync(lines({ text: 'é f' })));
    expect(await load('lambada_openai')).toEqual([{ text: 'é f' }]);
  });

  it('has pages where WikiText has lines', async () => {
    const text = ' \n = One = \n \n a b \n = = Part = = \n c \n = Two = \n d \n';
    await put('wiki.test.raw', text);
    const pages = await load('wikitext');
    expect(pages).toEqual([{ page: ' = One = \n \n a b \n = = Part = = \n c ' }, { page: ' = Two = \n d \n' }]);
    // As the data set `wikitext` has them: newlines kept, blank lines without their space.
    const rows = text.split('\n').slice(0, -1);
    const file = await put('rows.jsonl', lines(...rows.map((line) => ({ text: line === ' ' ? '' : `${line}\n` }))));
    expect(await load('wikitext', file)).toEqual(pages);
  });

  it('that is damaged is said to be', async () => {
    for (const [name, content, message] of [
      ['a.parquet', 'PAR1', /a\.parquet: expected a Parquet file, got '.+'\. Download it again/],
      ['a.jsonl.gz', gzipSync('{"text": "x"}').subarray(0, 20), /a\.jsonl\.gz: expected a whole gzip file/],
      ['a.jsonl', Buffer.from([0x7b, 0xff]), /a\.jsonl: expected UTF-8/],
      ['b.jsonl', '{"text": "x"}\n[1]\n', /b\.jsonl:2: expected a JSON object, got "\[1\]"/],
      ['c.jsonl', '\n', /c\.jsonl: expected rows, got none/],
      [
        'd.jsonl',
        '{"text": 3}\n',
        /lambada_openai: expected rows of the test split of EleutherAI\/lambada_openai with text, got .+ in .*d\.jsonl, row 0/,
      ],
    ] as const) {
      await expect(load('lambada_openai', await put(name, content))).rejects.toThrow(message);
    }
  });
});
