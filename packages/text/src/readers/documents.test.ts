import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { type ReadOptions, readDocuments } from './documents.js';
import { decodeChunks, firstInvalid } from './utf8.js';

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-text-'));
afterAll(() => rmSync(directory, { recursive: true }));

const ZST = new URL('../__fixtures__/two-frames.jsonl.zst', import.meta.url).pathname;

function write(name: string, content: string | Uint8Array): string {
  const file = join(directory, name);
  writeFileSync(file, content);
  return file;
}

async function read(file: string, options?: ReadOptions): Promise<string[]> {
  const documents: string[] = [];
  for await (const { text, begins } of readDocuments(file, options)) {
    if (begins) documents.push(text);
    else documents[documents.length - 1] += text;
  }
  return documents;
}

describe('text', () => {
  it('is one document, however long, without a mark of byte order', async () => {
    const long = 'größer 😀\n'.repeat(100_000);
    expect(await read(write('a.txt', `\ufeff${long}`))).toEqual([long]);
    expect(await read(write('a.txt.gz', gzipSync(long)))).toEqual([long]);
    expect(await read(write('empty.txt', ''))).toEqual(['']);
  });

  it('is divided by blank lines, if asked', async () => {
    const file = write('b.txt', '\n\n  one\ntwo\n\n\nthree\r\n\r\n \r\nfour\n\n');
    expect(await read(file, { separator: 'blank-line' })).toEqual(['  one\ntwo', 'three', 'four']);
    const many = Array.from({ length: 50_000 }, (_, i) => `document ${i}`);
    expect(await read(write('c.txt', many.join('\n\n')), { separator: 'blank-line' })).toEqual(many);
    expect(await read(write('blank.txt', '\n \n'), { separator: 'blank-line' })).toEqual([]);
  });

  it('is divided in time that grows with its size, however many lines are blank', { timeout: 5_000 }, async () => {
    const file = write('newlines.txt', `one${'\n'.repeat(1_000_000)}two`);
    expect(await read(file, { separator: 'blank-line' })).toEqual(['one', 'two']);
  });

  it('names the byte that is no UTF-8', async () => {
    const file = write('latin.txt', Buffer.concat([Buffer.alloc(300_000, 'a'), Buffer.from([0xff, 0x61])]));
    await expect(read(file)).rejects.toThrow(
      /latin\.txt: expected UTF-8, got the byte 0xff at offset 300000\. Convert/,
    );
    await expect(read(write('cut.txt', Buffer.from('añ').subarray(0, 2)))).rejects.toThrow(/0xc3 at offset 1/);
  });

  it('is decoded from chunks as from a whole', async () => {
    const chunked = fc.tuple(fc.string({ unit: 'binary' }), fc.array(fc.nat(40)));
    await fc.assert(
      fc.asyncProperty(chunked, async ([text, cuts]) => {
        const bytes = Buffer.from(text);
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        async function* chunks() {
          for (let i = 1; i < places.length; i++) yield bytes.subarray(places[i - 1], places[i]);
        }
        let decoded = '';
        for await (const part of decodeChunks(chunks(), 'test')) decoded += part;
        expect(decoded).toBe(bytes.toString().replace(/^\ufeff/, ''));
      }),
    );
  });

  it('finds the first fault as a decoder does', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    const valid = (bytes: Uint8Array) => {
      try {
        decoder.decode(bytes);
        return true;
      } catch {
        return false;
      }
    };
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0x80, 0x9f, 0xa0, 0xbf));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), fc.array(byte, { maxLength: 6 }), (a, b) => {
        const bytes = Uint8Array.from([...a, ...b]);
        const at = firstInvalid(bytes);
        expect(at < 0).toBe(valid(bytes));
        if (at >= 0) expect([valid(bytes.subarray(0, at)), valid(bytes.subarray(0, at + 4))]).toEqual([true, false]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('JSON Lines', () => {
  const lines = '{"text":"one"}\r\n\n{"text":"größer","meta":{}}\n{"text":""}';

  it('are a document a line, plain, gzipped and of several zstd frames', async () => {
    expect(await read(write('a.jsonl', lines))).toEqual(['one', 'größer', '']);
    expect(await read(write('a.jsonl.gz', gzipSync(lines)))).toEqual(['one', 'größer', '']);
    expect(await read(ZST)).toEqual(['first', 'zweites, größer', 'third']);
    const long = Array.from({ length: 9 }, (_, i) => String(i).repeat(100_000));
    expect(
      await read(write('long.jsonl', long.map((text) => JSON.stringify({ body: text })).join('\n')), { field: 'body' }),
    ).toEqual(long);
  });

  it('name file and line of what is no text', async () => {
    const of = (content: string, options?: ReadOptions) => read(write('bad.jsonl', content), options);
    await expect(of('{"text":"a"}\n{"text":')).rejects.toThrow(/bad\.jsonl:2: expected a line of JSON, got '.+'\.$/);
    await expect(of('{"body":"a"}')).rejects.toThrow(
      /bad\.jsonl:1: expected a text in 'text', got keys body\. Name the field/,
    );
    await expect(of('{"text":3}')).rejects.toThrow(/bad\.jsonl:1: expected a text in 'text', got number/);
    await expect(of('null')).rejects.toThrow(/bad\.jsonl:1: expected a text in 'text', got null in place of an object/);
    await expect(of('["a"]')).rejects.toThrow(/bad\.jsonl:1: expected a text in 'text', got a list/);
    await expect(of('{"text":null}')).rejects.toThrow(/bad\.jsonl:1: expected a text in 'text', got null\. Name/);
    await expect(of('{"text":"a"}\n{"text":"half \\ud83d of one"}')).rejects.toThrow(
      /bad\.jsonl:2: expected characters, got half of one, \\ud83d, at 5 of 'text'/,
    );
    expect(await of('{"text":"\\ud83d\\ude00 \\u0000"}')).toEqual(['😀 \0']);
    await expect(read(write('u.jsonl', Buffer.from('{"text":"a"}\n{"text":"\xe9"}', 'latin1')))).rejects.toThrow(
      /u\.jsonl:2: expected UTF-8, got the byte 0xe9 at offset 22/,
    );
  });

  it('say that a compressed file is cut off, or is none', async () => {
    const gzip = gzipSync(Buffer.from(`${lines}\n`.repeat(1_000)));
    await expect(read(write('cut.jsonl.gz', gzip.subarray(0, -20)))).rejects.toThrow(
      /cut\.jsonl\.gz: expected whole gzip data, got '/,
    );
    const zstd = readFileSync(ZST);
    await expect(read(write('cut.jsonl.zst', zstd.subarray(0, -5)))).rejects.toThrow(
      /cut\.jsonl\.zst: expected whole zstd data, got '/,
    );
    await expect(read(write('none.jsonl.zst', 'plain text, not zstd'))).rejects.toThrow(
      /none\.jsonl\.zst: expected whole zstd data, got '/,
    );
  });
});

describe('Parquet', () => {
  const parquet = (name: string, text: unknown[]) =>
    write(
      name,
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: 'id', data: text.map((_, i) => i), type: 'INT32' },
            { name: 'text', data: text as string[], type: 'STRING' },
          ],
          rowGroupSize: 3,
        }),
      ),
    );

  it('is a document a row, of all row groups', async () => {
    const texts = Array.from({ length: 10 }, (_, i) => `größer ${i}`.repeat(i));
    expect(await read(parquet('a.parquet', texts))).toEqual(texts);
  });

  it('is UTF-8, as the other formats: nothing is replaced in silence', async () => {
    const file = parquet('latin.parquet', ['one', 'caf_ noir']);
    const bytes = readFileSync(file);
    for (let at = bytes.indexOf('caf_'); at >= 0; at = bytes.indexOf('caf_', at + 1)) bytes[at + 3] = 0xe9;
    await expect(read(write('latin.parquet', bytes))).rejects.toThrow(
      /latin\.parquet: expected UTF-8, got the byte 0xe9 at offset 3/,
    );
  });

  it('names column and row of what is no text, and a damaged file', async () => {
    await expect(read(parquet('b.parquet', ['a', null, 'c']))).rejects.toThrow(
      /b\.parquet: expected a text in 'text' of row 1, got null/,
    );
    await expect(read(parquet('b.parquet', ['a']), { field: 'body' })).rejects.toThrow(
      /expected a column 'body', got id, text\. Name/,
    );
    await expect(read(write('c.parquet', 'no parquet at all'))).rejects.toThrow(
      /c\.parquet: expected a whole Parquet file, got '/,
    );
  });
});

describe('files', () => {
  it('that are not there, or of an unknown kind, are named', async () => {
    await expect(read(join(directory, 'none.txt'))).rejects.toThrow(/none\.txt: expected a file, got none/);
    await expect(read(join(directory, 'none.parquet'))).rejects.toThrow(/none\.parquet: expected a file, got none/);
    await expect(read('a.doc')).rejects.toThrow(/a\.doc: expected a name that ends in/);
    expect(await read(write('notes', 'text'), { format: 'text' })).toEqual(['text']);
  });
});
