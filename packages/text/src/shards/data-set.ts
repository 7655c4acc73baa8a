/** Prepared data, read by position: no file is ever in memory as a whole. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import type { Split } from '@mixerzoo/core/task';
import { nodeModules, sha256 } from '../node-modules.js';
import { parseTokenizer } from '../tokenizers/hugging-face.js';
import { separatorOf, type Tokenizer } from '../tokenizers/tokenizer.js';
import { hashFile, withFile } from './files.js';
import { assertHeader, damaged, formatFor, HEADER_BYTES, unpackTokens } from './format.js';
import { type DataIndex, readIndex, readJson, type Shard } from './index-file.js';

/** Prepared data that are open. */
export interface DataSet {
  readonly directory: string;
  /** Identifies tokens and tokenizer. */
  readonly hash: string;
  readonly index: DataIndex;
  readonly tokenizer: Tokenizer;
  /** Tokens of a split. */
  tokens(split: Split): number;
  /**
   * Tokens `start` to `start + length` of a split, which its shards hold one after the other.
   * @throws InvalidConfigError for a range outside of the split, and for ids that the tokenizer does not know.
   */
  read(split: Split, start: number, length: number): Int32Array;
  /** Reads every file and holds it to its hash and vocabulary. @throws InvalidConfigError that names the first that differs. */
  verify(): void;
}

/** Bytes read at a time. */
const CHUNK = 2 ** 20;

/**
 * Opens prepared data. The size and header of every shard are held to the index, and the tokenizer to its hash.
 * @throws InvalidConfigError that names the file, what it should hold and what it does.
 */
export function openDataSet(directory: string): DataSet {
  const { fs, path } = nodeModules();
  const index = readIndex(directory);
  const format = formatFor(index.tokenizer.vocabSize);
  const tokenizer = openTokenizer(path.join(directory, index.tokenizer.file), index.tokenizer);
  const shards = Object.values(index.splits).flatMap((split) => split.shards);
  for (const shard of shards) assertShard(path.join(directory, shard.file), shard);
  const chunk = Buffer.allocUnsafe(CHUNK);

  function assertShard(file: string, { bytes, tokens }: Shard): void {
    if (!fs.existsSync(file)) throw damaged(file, 'a shard', 'no file');
    const { size } = fs.statSync(file);
    if (size !== bytes || size !== HEADER_BYTES + tokens * format.width) {
      throw damaged(file, `${bytes} bytes`, `${size}`);
    }
    const header = Buffer.alloc(HEADER_BYTES);
    withFile(file, (handle) => fs.readSync(handle, header, 0, HEADER_BYTES, 0));
    assertHeader(header, format, tokens, file);
  }

  /** Tokens `from` to `from + length` of a shard into `out` at `at`. */
  function readShard({ file }: Shard, from: number, length: number, out: Int32Array, at: number): void {
    const place = path.join(directory, file);
    withFile(place, (handle) => {
      for (let done = 0; done < length; ) {
        const some = Math.min(length - done, CHUNK / format.width);
        const position = HEADER_BYTES + (from + done) * format.width;
        const read = fs.readSync(handle, chunk, 0, some * format.width, position);
        if (read !== some * format.width)
          throw damaged(place, `${some * format.width} bytes at ${position}`, `${read}`);
        unpackTokens(chunk.subarray(0, read), format.width, out, at + done);
        done += some;
      }
    });
    const { vocabSize } = index.tokenizer;
    const unknown = out.subarray(at, at + length).findIndex((id) => id >>> 0 >= vocabSize);
    if (unknown < 0) return;
    const found = `${out[at + unknown]} at token ${from + unknown}`;
    throw damaged(place, `ids below ${vocabSize}, the vocabulary of its tokenizer`, found);
  }

  function read(split: Split, start: number, length: number): Int32Array {
    const { tokens, shards } = index.splits[split];
    if (start < 0 || start + length > tokens) {
      throw new InvalidConfigError(
        `${directory}: expected tokens of 0 to ${tokens} of '${split}', got ${start} to ${start + length}.`,
      );
    }
    const out = new Int32Array(length);
    let first = 0;
    let done = 0;
    for (const shard of shards) {
      if (done === length) break;
      const from = start + done - first;
      if (from < shard.tokens) {
        const some = Math.min(shard.tokens - from, length - done);
        readShard(shard, from, some, out, done);
        done += some;
      }
      first += shard.tokens;
    }
    return out;
  }

  return {
    directory,
    hash: index.hash,
    index,
    tokenizer,
    tokens: (split) => index.splits[split].tokens,
    read,
    verify() {
      for (const shard of shards) {
        const file = path.join(directory, shard.file);
        const found = hashFile(file);
        if (found !== shard.sha256) throw damaged(file, `SHA-256 ${shard.sha256}`, found);
        for (let from = 0; from < shard.tokens; from += CHUNK) {
          const some = Math.min(CHUNK, shard.tokens - from);
          readShard(shard, from, some, new Int32Array(some), 0);
        }
      }
    },
  };
}

/** Tokenizers by hash: many tasks have the same. */
const tokenizers = new Map<string, Tokenizer>();

function openTokenizer(file: string, expected: DataIndex['tokenizer']): Tokenizer {
  const { fs } = nodeModules();
  if (!fs.existsSync(file)) throw damaged(file, 'a tokenizer', 'no file');
  const found = sha256(fs.readFileSync(file));
  if (found !== expected.hash) throw damaged(file, `the tokenizer of the shards, SHA-256 ${expected.hash}`, found);
  const key = `${found} ${expected.endOfText}`;
  const tokenizer = tokenizers.get(key) ?? parseTokenizer(readJson(file), { endOfText: expected.endOfText });
  tokenizers.set(key, tokenizer);
  if (tokenizer.vocabSize !== expected.vocabSize || separatorOf(tokenizer) !== expected.separator) {
    throw damaged(file, `a vocabulary of ${expected.vocabSize}`, `${tokenizer.vocabSize}`);
  }
  return tokenizer;
}
