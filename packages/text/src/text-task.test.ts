import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeTask } from '@mixerzoo/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareData } from './prepare/prepare.js';
import { openDataSet } from './shards/data-set.js';
import { text } from './text-task.js';
import { byteTokenizer } from './tokenizers/bytes.js';

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-task-'));
const data = join(directory, 'data');
beforeAll(() => make(data, 9_000));
afterAll(() => rmSync(directory, { recursive: true }));

async function make(out: string, lines: number): Promise<void> {
  const file = join(directory, `${lines}.txt`);
  writeFileSync(
    file,
    Array.from({ length: lines }, (_, i) => `${(i * 7919) % 1_000} bottles and ${i % 13} more.\n`).join(''),
  );
  await prepareData({ files: [file], tokenizer: byteTokenizer(), out, shardTokens: 50_000 });
}

describeTask('text', () => text({ data, seqLen: 16 }), { measure: 'likelihood' });

describe('text', () => {
  it('labels every token with the next, in windows one after the other', () => {
    const task = text({ data, seqLen: 10 });
    const tokens = openDataSet(data).read('test', 0, 31);
    const { inputs, labels } = task.generate({ split: 'test', seed: 5, count: 3 });
    expect([...inputs]).toEqual([...tokens.subarray(0, 30)]);
    expect([...labels]).toEqual([...tokens.subarray(1)]);
  });

  it('reads every window once in a pass, each pass and seed in an order of its own', () => {
    const task = text({ data, seqLen: 64 });
    const windows = Math.floor((openDataSet(data).tokens('train') - 1) / 64);
    const rows = (seed: number, first: number, count: number) => {
      const { inputs } = task.stream({ seed, first, count });
      return Array.from({ length: count }, (_, i) => inputs.subarray(64 * i, 64 * (i + 1)).join());
    };
    const first = rows(1, 0, windows);
    const all = Array.from({ length: windows }, (_, w) =>
      openDataSet(data)
        .read('train', 64 * w, 64)
        .join(),
    );
    expect(first.toSorted()).toEqual(all.toSorted());
    const second = rows(1, windows, windows);
    expect(second.toSorted()).toEqual(all.toSorted());
    expect(second).not.toEqual(first);
    expect(rows(2, 0, windows)).not.toEqual(first);
    expect(rows(1, windows - 3, 6)).toEqual([...first.slice(-3), ...second.slice(0, 3)]);
  });

  it('says how many examples there are', () => {
    expect(() => text({ data, seqLen: 64 }).generate({ split: 'test', seed: 0, count: 1e6 })).toThrow(
      /text\.generate: expected at most \d+ examples of 'test', \d+ tokens in windows of 64, got 1000000/,
    );
  });

  it('names its data by their hash, and refuses others', async () => {
    const task = text({ data, seqLen: 16 });
    expect(task.config).toEqual({ seqLen: 16, dataHash: openDataSet(data).hash });
    expect(task.places).toEqual({ data });
    expect(text({ ...task.config, ...task.places }).config).toEqual(task.config);
    expect(task.atLength(32).config).toEqual({ ...task.config, seqLen: 32 });
    expect(task.atLength(32).places).toEqual({ data });
    const moved = join(directory, 'moved');
    cpSync(data, moved, { recursive: true });
    expect(text({ data: moved, seqLen: 16 }).config).toEqual(task.config);
    const other = join(directory, 'other');
    await make(other, 800);
    expect(() => text({ ...task.config, data: other })).toThrow(
      /text: expected data of the hash [0-9a-f]{64}, got [0-9a-f]{64}/,
    );
  });

  it('says what n-grams score, and keeps it beside the data', () => {
    const task = text({ data, seqLen: 16 });
    const [unigram, bigram, fiveGram] = task.baselines('test');
    expect([unigram!.name, bigram!.name, fiveGram!.name]).toEqual(['unigram', 'bigram', 'Witten-Bell 5-gram']);
    expect(fiveGram!.loss).toBeLessThan(bigram!.loss);
    expect(bigram!.loss).toBeLessThan(unigram!.loss);
    const kept = readdirSync(data).filter((name) => name.startsWith('baselines-test'));
    expect(kept).toEqual(['baselines-test.f32', 'baselines-test.json']);
    expect(task.baselines('test')).toEqual([unigram, bigram, fiveGram]);
    const few = task.baselines('test', 3);
    expect(few).not.toEqual([unigram, bigram, fiveGram]);
    writeFileSync(join(data, 'baselines-test.f32'), 'damaged');
    expect(text({ data, seqLen: 16 }).baselines('test', 3)).toEqual(few);
  });

  it('has no n-grams of a split without tokens', async () => {
    const file = join(directory, 'short.txt');
    writeFileSync(file, 'one line\n');
    const out = join(directory, 'short');
    await prepareData({ files: [file], tokenizer: byteTokenizer(), out, validation: 0, test: 0 });
    expect(text({ data: out, seqLen: 4 }).baselines('test')).toEqual([]);
    expect(text({ data: out, seqLen: 400 }).baselines('train')).toEqual([]);
  });

  it('asks for data, or a corpus', () => {
    expect(() => text({ seqLen: 16 })).toThrow(/text: expected either `data`.*or `corpus`/);
    expect(() => text({ data, corpus: 'factbook' })).toThrow(/expected either/);
    expect(() => text({ data, tokenizer: 'bytes' })).toThrow(/expected no `tokenizer` beside `data`/);
    expect(() => text({ data: join(directory, 'none') })).toThrow(
      /none: expected prepared data, got no index\.json.*mixerzoo data prepare/,
    );
  });
});

describe('damaged data', () => {
  const copy = (damage: (path: string) => void) => {
    const path = join(mkdtempSync(join(directory, 'damaged-')), 'data');
    cpSync(data, path, { recursive: true });
    damage(path);
    return path;
  };
  const change = (path: string, file: string, at: number, value: number) => {
    const bytes = readFileSync(join(path, file));
    bytes[at] = value;
    writeFileSync(join(path, file), bytes);
  };

  it('are named when they are opened: a file that is cut off, gone, of another kind', () => {
    expect(() => openDataSet(copy((path) => truncateSync(join(path, 'train_000001.bin'), 5_000)))).toThrow(
      /train_000001\.bin: expected 101024 bytes, got 5000\. The file is damaged/,
    );
    expect(() => openDataSet(copy((path) => rmSync(join(path, 'test_000000.bin'))))).toThrow(
      /expected a shard, got no file/,
    );
    expect(() => openDataSet(copy((path) => change(path, 'train_000000.bin', 4, 9)))).toThrow(
      /train_000000\.bin: expected magic 20240520, version 1, 50000 tokens, got 20240520, 9, 50000/,
    );
    expect(() => openDataSet(copy((path) => writeFileSync(join(path, 'index.json'), '{')))).toThrow(
      /index\.json: expected JSON, got '.+'\. The file is damaged: copy it anew, or prepare/,
    );
  });

  it('are named when the index counts what its shards do not hold', () => {
    const more = copy((path) => {
      const file = join(path, 'index.json');
      const index = JSON.parse(readFileSync(file, 'utf8'));
      index.splits.test.tokens += 5;
      writeFileSync(file, JSON.stringify(index));
    });
    expect(() => openDataSet(more)).toThrow(/index\.json: expected \d+ tokens of test, as in its shards, got \d+/);
  });

  it('keep no file open that was damaged', ({ skip }) => {
    if (!existsSync('/proc/self/fd')) skip('no /proc: open files cannot be counted');
    const foreign = openDataSet(copy((path) => change(path, 'test_000000.bin', 1_024 + 7, 2)));
    const cut = copy(() => {});
    const set = openDataSet(cut);
    truncateSync(join(cut, 'test_000000.bin'), 1_100);
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let i = 0; i < 20; i++) {
      expect(() => foreign.read('test', 0, 10)).toThrow(/expected ids/);
      expect(() => set.read('test', 0, 1_000)).toThrow(/test_000000\.bin: expected 2000 bytes at 1024, got 76/);
    }
    expect(open()).toBeLessThan(before + 5);
  });

  it('are named when the index or the tokenizer is that of others', () => {
    const swap = (path: string) => {
      const file = join(path, 'index.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace(/"sha256": "./, '"sha256": "f'));
    };
    expect(() => openDataSet(copy(swap))).toThrow(/index\.json: expected the hash of its shards/);
    const tokenizer = (path: string) => writeFileSync(join(path, 'tokenizer.json'), '{"model":{"vocab":{}}}');
    expect(() => openDataSet(copy(tokenizer))).toThrow(/tokenizer\.json: expected the tokenizer of the shards/);
  });

  it('are named when they are read: ids that are none, a byte that was changed', () => {
    const foreign = copy((path) => change(path, 'test_000000.bin', 1_024 + 7, 2));
    expect(() => openDataSet(foreign).read('test', 0, 10)).toThrow(
      /test_000000\.bin: expected ids below 257, the vocabulary of its tokenizer, got \d+ at token 3/,
    );
    const changed = openDataSet(copy((path) => change(path, 'train_000002.bin', 2_000, 65)));
    expect(() => changed.verify()).toThrow(/train_000002\.bin: expected SHA-256 [0-9a-f]{64}, got/);
    expect(() => changed.read('train', 0, 1e9)).toThrow(/expected tokens of 0 to \d+ of 'train'/);
    expect(existsSync(data)).toBe(true);
  });
});
