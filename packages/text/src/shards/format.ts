/**
 * Files of tokens as llm.c has them: a header of 256 int32, then the ids, all little-endian.
 *
 * | ids    | magic    | version | for vocabularies |
 * |--------|----------|---------|------------------|
 * | uint16 | 20240520 | 1       | up to 65,536     |
 * | uint32 | 20240801 | 7       | above            |
 *
 * The third number of the header is the count of ids. Source: karpathy/llm.c, dev/data/data_common.py.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';

export const HEADER_BYTES = 1_024;

export interface TokenFormat {
  readonly magic: number;
  readonly version: number;
  /** Bytes of an id. */
  readonly width: 2 | 4;
}

const FORMATS: readonly TokenFormat[] = [
  { magic: 20240520, version: 1, width: 2 },
  { magic: 20240801, version: 7, width: 4 },
];

/** The narrower format that holds a vocabulary. */
export const formatFor = (vocabSize: number): TokenFormat => FORMATS[vocabSize <= 2 ** 16 ? 0 : 1]!;

/** The header [1024 bytes] of a file of `count` ids. */
export function writeHeader({ magic, version }: TokenFormat, count: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  [magic, version, count].forEach((value, index) => {
    header.setInt32(4 * index, value, true);
  });
  return new Uint8Array(header.buffer);
}

/** Holds the first bytes of a file to what they must be. @throws InvalidConfigError that names the file. */
export function assertHeader(bytes: Uint8Array, { magic, version }: TokenFormat, count: number, path: string): void {
  if (bytes.length < HEADER_BYTES) {
    throw damaged(path, `a header of ${HEADER_BYTES} bytes`, `${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const found = [0, 4, 8].map((at) => view.getInt32(at, true));
  if (found[0] !== magic || found[1] !== version || found[2] !== count) {
    throw damaged(path, `magic ${magic}, version ${version}, ${count} tokens`, found.join(', '));
  }
}

/** What to do about prepared data that are damaged. */
export const REMEDY = 'The file is damaged: copy it anew, or prepare the data again.';

/** A file that is not what the index says. */
export function damaged(path: string, expected: string, found: string): InvalidConfigError {
  return new InvalidConfigError(`${path}: expected ${expected}, got ${found}. ${REMEDY}`);
}

/** Ids as the bytes of a file. */
export function packTokens(ids: ArrayLike<number>, width: 2 | 4): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(ids.length * width));
  for (let i = 0; i < ids.length; i++) {
    if (width === 2) bytes.setUint16(2 * i, ids[i]!, true);
    else bytes.setUint32(4 * i, ids[i]!, true);
  }
  return new Uint8Array(bytes.buffer);
}

/** Reads ids out of bytes into `out` from `at` on. */
export function unpackTokens(bytes: Uint8Array, width: 2 | 4, out: Int32Array, at: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength / width;
  for (let i = 0; i < count; i++) out[at + i] = width === 2 ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true);
}
