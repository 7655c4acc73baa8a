/**
 * Writes shards of tokens: one split after the other, files of a given number of tokens. What it has written can be recorded
 * at any time ({@link WriterState}) and gone on from: what was written after the record is cut off then.
 */
import type { Split } from '@mixerzoo/core/task';
import * as z from 'zod';
import { nodeModules } from '../node-modules.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { hashFile } from './files.js';
import { damaged, formatFor, HEADER_BYTES, packTokens, writeHeader } from './format.js';
import { type DataIndex, type Shard, shardSchema, sumsOf } from './index-file.js';

const SPLITS = ['train', 'validation', 'test'] as const;
const splitName = z.enum(SPLITS);

export const writerStateSchema = z.strictObject({
  closed: z.array(shardSchema.extend({ split: splitName })),
  open: shardSchema.omit({ bytes: true, sha256: true }).extend({ split: splitName }).nullable(),
});
/** What is on the disk. */
export type WriterState = z.output<typeof writerStateSchema>;

const BUFFERED_TOKENS = 2 ** 20;

/** @param state - what to go on from. @throws InvalidConfigError if the files are not there any more. */
export function createShardWriter(
  directory: string,
  { vocabSize, tokenBytes }: Pick<Tokenizer, 'vocabSize' | 'tokenBytes'>,
  shardTokens: number,
  state: WriterState = { closed: [], open: null },
) {
  const { fs, path } = nodeModules();
  const format = formatFor(vocabSize);
  const closed = [...state.closed];
  const buffer = new Int32Array(Math.min(BUFFERED_TOKENS, shardTokens));
  let buffered = 0;
  let open = state.open && { ...state.open };
  let handle = open && reopen(path.join(directory, open.file), HEADER_BYTES + open.tokens * format.width);

  function reopen(file: string, size: number): number {
    const found = fs.existsSync(file) ? fs.statSync(file).size : 0;
    if (found < size) throw damaged(file, `${size} bytes or more`, `${found}`);
    fs.truncateSync(file, size);
    return fs.openSync(file, 'r+');
  }

  function begin(split: Split): void {
    const number = closed.filter((shard) => shard.split === split).length;
    const file = `${split}_${String(number).padStart(6, '0')}.bin`;
    open = { split, file, tokens: 0, documents: 0, textBytes: 0 };
    handle = fs.openSync(path.join(directory, file), 'w+');
    fs.writeSync(handle, writeHeader(format, 0), 0, HEADER_BYTES, 0);
  }

  function flush(): void {
    if (!open || handle === null || buffered === 0) return;
    const bytes = packTokens(buffer.subarray(0, buffered), format.width);
    for (let written = 0; written < bytes.length; ) {
      const position = HEADER_BYTES + open.tokens * format.width + written - buffered * format.width;
      written += fs.writeSync(handle, bytes, written, bytes.length - written, position);
    }
    buffered = 0;
  }

  function close(): void {
    if (!open || handle === null) return;
    flush();
    fs.writeSync(handle, writeHeader(format, open.tokens), 0, HEADER_BYTES, 0);
    fs.fsyncSync(handle);
    fs.closeSync(handle);
    const bytes = HEADER_BYTES + open.tokens * format.width;
    closed.push({ ...open, bytes, sha256: hashFile(path.join(directory, open.file)) });
    open = null;
    handle = null;
  }

  return {
    /** Adds ids to a split; `begins` counts a document. */
    append(split: Split, ids: ArrayLike<number>, begins: boolean): void {
      for (let i = 0; i < ids.length; i++) {
        if (open?.split !== split || open.tokens === shardTokens) close();
        if (!open) begin(split);
        if (begins && i === 0) open!.documents++;
        const id = ids[i]!;
        buffer[buffered++] = id;
        open!.tokens++;
        open!.textBytes += tokenBytes[id]!;
        if (buffered === buffer.length) flush();
      }
    },
    /** Brings all to the disk and says what is there. */
    record(): WriterState {
      flush();
      if (handle !== null) fs.fsyncSync(handle);
      return { closed: [...closed], open: open && { ...open } };
    },
    /** Ends the last shard; what each split holds. */
    finish(): DataIndex['splits'] {
      close();
      const of = (split: Split) => {
        const shards: Shard[] = closed.filter((shard) => shard.split === split).map(({ split: _, ...shard }) => shard);
        return { ...sumsOf(shards), shards };
      };
      return { train: of('train'), validation: of('validation'), test: of('test') };
    },
    /** Lets go of the open file, as after an error. */
    abandon(): void {
      if (handle !== null) fs.closeSync(handle);
      handle = null;
      open = null;
    },
  };
}
