import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DataSet, openDataSet } from '../shards/data-set.js';
import { byteTokenizer } from '../tokenizers/bytes.js';
import { huggingFaceTokenizer } from '../tokenizers/hugging-face.js';
import { failAt } from './__fixtures__/failing-files.js';
import { type PrepareOptions, prepareData } from './prepare.js';

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-prepare-'));
afterAll(() => rmSync(directory, { recursive: true }));

let made = 0;
const fresh = (name = 'out') => join(directory, `${name}-${made++}`);
const bytes = byteTokenizer();

const DOCUMENTS = Array.from({ length: 60 }, (_, i) => `Document ${i}: größer.\n${'The sea was wet. '.repeat(i % 7)}`);
let files: string[];
beforeAll(() => {
  files = [
    write('a.jsonl', jsonLines(DOCUMENTS.slice(0, 40))),
    write('b.jsonl.gz', gzipSync(jsonLines(DOCUMENTS.slice(40)))),
  ];
});

const jsonLines = (texts: readonly string[]) => `${texts.map((text) => JSON.stringify({ text })).join('\n')}\n`;

function write(name: string, content: string | Uint8Array): string {
  const file = join(directory, name);
  writeFileSync(file, content);
  return file;
}

const prepare = (options: Partial<PrepareOptions> = {}) =>
  prepareData({ files, tokenizer: bytes, out: fresh(), shardTokens: 1_000, ...options });

/** The documents of a split, as its tokens say. */
function documentsOf(set: DataSet, split: 'train' | 'validation' | 'test'): string[] {
  const text = set.tokenizer.decode(set.read(split, 0, set.tokens(split)));
  return text.split('<|endoftext|>').slice(1);
}

/** Every file of a directory. */
const contents = (path: string) =>
  Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((name) => [name, readFileSync(join(path, name)).toString('base64')]),
  );

describe('prepareData', () => {
  it('puts every document into one split, in order, across shards', async () => {
    const out = fresh();
    const index = await prepare({ out });
    const set = openDataSet(out);
    expect(documentsOf(set, 'train')).toEqual(DOCUMENTS.slice(0, 54));
    expect(documentsOf(set, 'validation')).toEqual(DOCUMENTS.slice(54, 57));
    expect(documentsOf(set, 'test')).toEqual(DOCUMENTS.slice(57));
    const { shards, documents, tokens, textBytes } = index.splits.train;
    expect(shards.length).toBe(Math.ceil(tokens / 1_000));
    expect([documents, textBytes]).toEqual([54, tokens - 54]);
    expect(shards.reduce((sum, shard) => sum + shard.documents, 0)).toBe(54);
    expect(index.sources.map(({ file, documents: count }) => [file, count])).toEqual([
      ['a.jsonl', 40],
      ['b.jsonl.gz', 20],
    ]);
    expect(existsSync(`${out}.partial`)).toBe(false);
    set.verify();
  });

  it('writes what llm.c reads: a header of 256 int32, then uint16', async () => {
    const out = fresh();
    await prepare({ out, files: [write('abc.jsonl', jsonLines(['ab', 'c']))], validation: 0, test: 0 });
    const file = readFileSync(join(out, 'train_000000.bin'));
    expect(Array.from({ length: 256 }, (_, i) => file.readInt32LE(4 * i))).toEqual([
      20240520,
      1,
      5,
      ...new Array(253).fill(0),
    ]);
    expect(Array.from({ length: 5 }, (_, i) => file.readUInt16LE(1_024 + 2 * i))).toEqual([256, 97, 98, 256, 99]);
    expect(file.length).toBe(1_034);
  });

  it('writes uint32 for a vocabulary above 65,536', async () => {
    const json = structuredClone(bytes.json) as {
      model: { vocab: Record<string, number> };
      added_tokens: { id: number }[];
    };
    json.model.vocab = Object.fromEntries(Object.entries(json.model.vocab).map(([word, id]) => [word, id + 70_000]));
    json.added_tokens[0]!.id = 3;
    const out = fresh();
    await prepare({ out, tokenizer: huggingFaceTokenizer(json) });
    const file = readFileSync(join(out, 'train_000000.bin'));
    expect([0, 1, 2].map((i) => file.readInt32LE(4 * i))).toEqual([20240801, 7, 1_000]);
    expect([0, 1].map((i) => file.readUInt32LE(1_024 + 4 * i))).toEqual([3, 70_000 + 'D'.charCodeAt(0)]);
    expect(documentsOf(openDataSet(out), 'test')).toEqual(DOCUMENTS.slice(57));
  });

  it('leaves empty documents out, and counts them', async () => {
    const withEmpty = write('empty.jsonl', jsonLines(['', ...DOCUMENTS, '']));
    const index = await prepare({ files: [withEmpty, write('none.txt', '')] });
    expect(index.sources.map((source) => [source.documents, source.emptyDocuments])).toEqual([
      [60, 2],
      [0, 1],
    ]);
    expect(index.hash).toBe((await prepare()).hash);
    await expect(prepare({ files: [join(directory, 'none.txt')] })).rejects.toThrow(
      /expected text to train on, got none/,
    );
  });

  it('divides a single text at the ends of lines, and takes one that is longer than its buffers', async () => {
    const lines = Array.from({ length: 40_000 }, (_, i) => `line ${i} of a book\n`);
    const out = fresh();
    await prepare({ out, files: [write('book.txt', lines.join(''))], shardTokens: 200_000 });
    const set = openDataSet(out);
    const splits = (['train', 'validation', 'test'] as const).map((split) => documentsOf(set, split));
    expect(splits.map((documents) => documents.length)).toEqual([1, 1, 1]);
    expect(splits.flat().join('')).toBe(lines.join(''));
    const total = lines.join('').length;
    for (const [i, share] of [0.9, 0.05, 0.05].entries()) {
      expect(splits[i]![0]!.endsWith(' book\n')).toBe(true);
      expect(Math.abs(splits[i]![0]!.length - share * total)).toBeLessThan(25);
    }
  });

  it('divides text of one line at a space, and text of one word between characters', async () => {
    for (const [text, cut] of [
      ['many words without an end '.repeat(300), / $/],
      ['größer'.repeat(1_000), /^(?!.*\ufffd)/],
    ] as const) {
      const out = fresh();
      await prepare({ out, files: [write('line.txt', text)] });
      const set = openDataSet(out);
      const splits = (['train', 'validation', 'test'] as const).map((split) => documentsOf(set, split));
      expect(splits.map((documents) => documents.length)).toEqual([1, 1, 1]);
      expect(splits.flat().join('')).toBe(text);
      for (const [document] of splits) expect(document).toMatch(cut);
      for (const held of splits.slice(1)) expect(held[0]!.length / text.length).toBeCloseTo(0.05, 1);
    }
  });

  it('takes files for validation and test', async () => {
    const out = fresh();
    const held = write('held.txt', 'held out');
    await prepare({ out, validation: [held], test: [held] });
    const set = openDataSet(out);
    expect(documentsOf(set, 'train')).toEqual(DOCUMENTS);
    expect([documentsOf(set, 'validation'), documentsOf(set, 'test')]).toEqual([['held out'], ['held out']]);
  });

  it('trains a tokenizer on what is to be trained on', async () => {
    const out = fresh();
    const index = await prepare({ out, tokenizer: { trainVocabSize: 280 } });
    const set = openDataSet(out);
    expect([index.tokenizer.vocabSize, set.tokenizer.vocabSize]).toEqual([280, 280]);
    expect(documentsOf(set, 'train')).toEqual(DOCUMENTS.slice(0, 54));
    expect(index.splits.train.tokens).toBeLessThan(index.splits.train.textBytes / 1.8);
    expect(index.splits.test.textBytes).toBe(Buffer.byteLength(DOCUMENTS.slice(57).join('')));
  });

  it('leaves what is there: the same again is done, another is refused', async () => {
    const out = fresh();
    const index = await prepare({ out });
    expect(await prepare({ out })).toEqual(index);
    await expect(prepare({ out, shardTokens: 999 })).rejects.toThrow(
      /expected a new directory, or data prepared from the same/,
    );
    await expect(prepare({ out: directory })).rejects.toThrow(/expected a new directory, got one with other files/);
  });

  it('takes what decides the tokens for another: which file is for which split, and the token that ends a text', async () => {
    const [out, small] = [fresh(), write('small.jsonl', jsonLines(['one', 'two']))];
    const [a, b] = files as [string, string];
    await prepare({ out, files: [a, b], validation: [small], test: 0 });
    await expect(prepare({ out, files: [a], validation: [b, small], test: 0 })).rejects.toThrow(/got others/);
    const ends = fresh();
    const tokenizer = (endOfText?: string) => huggingFaceTokenizer(bytes.json, { endOfText });
    await prepare({ out: ends, tokenizer: tokenizer() });
    await expect(prepare({ out: ends, tokenizer: tokenizer('!') })).rejects.toThrow(/got others/);
    expect(await prepare({ out: `${ends}/`, tokenizer: tokenizer() })).toEqual(openDataSet(ends).index);
    const slash = fresh();
    await prepare({ out: `${slash}/` });
    expect(openDataSet(slash).index.sources.map(({ role }) => role)).toEqual(['shared', 'shared']);
  });

  it('refuses shares that leave nothing, files that are none or given twice', async () => {
    await expect(prepare({ validation: 0.5, test: 0.5 })).rejects.toThrow(
      /expected shares from 0 that sum to less than 1/,
    );
    await expect(prepare({ files: [directory] })).rejects.toThrow(/expected a file, got a directory/);
    await expect(prepare({ files: [files[0]!, files[0]!] })).rejects.toThrow(/expected each file once, got it twice/);
    await expect(prepare({ validation: [files[0]!] })).rejects.toThrow(/once, got it for validation too\. Leave one/);
    await expect(prepare({ files: ['/dev/null'] })).rejects.toThrow(/expected a file, got something else/);
    await expect(prepare({ files: [write('bad.jsonl', '{"text":"a"}\n{')] })).rejects.toThrow(
      /bad\.jsonl:2: expected a line of JSON/,
    );
  });
});

describe('before a file is read', () => {
  it.each([
    ['a field of text', { field: 'body' }, /expected JSON Lines or Parquet beside the field 'body', got text alone/],
    [
      'a separator of rows',
      { separator: 'blank-line', format: 'jsonl' },
      /expected files of text beside the separator.*got jsonl/,
    ],
    [
      'a vocabulary below the bytes',
      { tokenizer: { trainVocabSize: 12 } },
      /bpe: expected a vocabulary of 257 or more/,
    ],
    [
      'a tokenizer that does not load',
      { tokenizer: huggingFaceTokenizer({ ...(bytes.json as object), decoder: { type: 'none' } }) },
      /expected one that loads/,
    ],
    ['a file that is not there', { files: ['/none/a.doc'] }, /expected a file, got none/],
  ] as const)('refuses %s', async (_, options, message) => {
    const file = write('unread.txt', Buffer.from([0xff]));
    await expect(prepare({ files: [file], ...options })).rejects.toThrow(message);
  });

  it('refuses a name that says no format', async () => {
    const named = [write('unread.txt', Buffer.from([0xff])), write('a.doc', 'text')];
    await expect(prepare({ files: named })).rejects.toThrow(/a\.doc: expected a name that ends in/);
  });
});

it('says that a file was changed while it was read', async () => {
  const file = write('growing.jsonl', jsonLines(DOCUMENTS));
  let grown = false;
  const onProgress: PrepareOptions['onProgress'] = ({ phase }) => {
    if (phase === 'encode' && !grown) appendFileSync(file, jsonLines(['more']));
    grown ||= phase === 'encode';
  };
  await expect(prepare({ files: [file], onProgress })).rejects.toThrow(
    /growing\.jsonl: expected the file that preparing began with, got one changed since/,
  );
});

describe('a process that is killed', () => {
  it('at any of its changes to the disk, and goes on to the same to the bit', async () => {
    const some = [write('k.jsonl', jsonLines(DOCUMENTS.slice(0, 21))), write('k.txt', 'One text.\n'.repeat(300))];
    const options = { files: some, tokenizer: { trainVocabSize: 262 }, shardTokens: 700, recordSeconds: 0 };
    const out = fresh('whole');
    await prepare({ ...options, out });
    const whole = contents(out);
    let points = 0;
    for (let number = 0; ; number += 1 + (number >> 3)) {
      const killed = fresh('killed');
      if (!(await failAt(number, () => prepare({ ...options, out: killed })))) break;
      await prepare({ ...options, out: killed });
      expect(contents(killed)).toEqual(whole);
      expect(existsSync(`${killed}.partial`)).toBe(false);
      points++;
    }
    expect(points).toBeGreaterThan(20);
  });

  it('by kill -9, again and again', async () => {
    const big = [write('big.txt', 'The time has come, the walrus said.\n'.repeat(20_000)), ...files];
    const [out, killed] = [fresh('whole'), fresh('killed')];
    await prepare({ files: big, out, shardTokens: 50_000 });
    let kills = 0;
    for (;;) {
      const child = start({ files: big, out: killed });
      const ended = once(child, 'exit');
      let lines = 0;
      child.stdout.on('data', () => {
        if (++lines > kills && kills < 3) child.kill('SIGKILL');
        else child.stdin.write('\n');
      });
      const [code, signal] = (await ended) as [number | null, string | null];
      if (code === 0) break;
      expect(signal).toBe('SIGKILL');
      expect(() => openDataSet(killed)).toThrow(/expected prepared data, got (some that are half made|no index)/);
      kills++;
    }
    expect(kills).toBe(3);
    expect(contents(killed)).toEqual(contents(out));
  });

  function start(options: object) {
    const script = fileURLToPath(new URL('./__fixtures__/prepare-process.ts', import.meta.url));
    const flags = ['--conditions=@mixerzoo/source', '--import', 'tsx'];
    const child = spawn(process.execPath, [...flags, script, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.on('error', () => {}); // it has ended
    return child;
  }

  it('goes on with the same files and options alone', async () => {
    const out = fresh();
    const file = write('changing.jsonl', jsonLines(DOCUMENTS));
    const options = { files: [file], recordSeconds: 0, out };
    expect(await failAt(60, () => prepare(options))).toBe(true);
    await expect(prepare({ ...options, validation: 0.1 })).rejects.toThrow(
      /\.partial: expected data half made by this command/,
    );
    appendFileSync(file, jsonLines(['more']));
    await expect(prepare(options)).rejects.toThrow(/changing\.jsonl: expected the file that preparing began with/);
  });
});
