/** Where the parts of a safetensors file lie: what reading and writing it, in memory or on a disk, have in common. */
import { CheckpointError } from '../errors.js';
import { findReader } from './safetensors-dtypes.js';
import {
  type Fail,
  type Header,
  isWellFormed,
  METADATA,
  parseHeader,
  quoted,
  type TensorEntry,
} from './safetensors-header.js';

/** The size of the header, at a file's beginning. */
export const SIZE_BYTES = 8;

/** The format's own limit, which keeps a damaged size from being taken for a header. */
const MAX_HEADER_BYTES = 100_000_000;

/** Throws that a file is damaged. */
export function damaged(where: string): Fail {
  return (expected, received, cause) => {
    throw new CheckpointError(
      `${where}: expected ${expected}, got ${received}. The file is damaged or not safetensors; restore it from a copy or make it again.`,
      { cause },
    );
  };
}

/** @param start - the first bytes of a file of `fileBytes`. */
export function headerBytesOf(start: Uint8Array, fileBytes: number, fail: Fail): number {
  if (start.length < SIZE_BYTES) fail(`at least ${SIZE_BYTES} bytes`, `${start.length}`);
  const size = Number(new DataView(start.buffer, start.byteOffset, SIZE_BYTES).getBigUint64(0, true));
  if (size > Math.min(MAX_HEADER_BYTES, fileBytes - SIZE_BYTES)) {
    fail(`a header within its ${fileBytes} bytes`, `a header size of ${size}`);
  }
  return size;
}

/**
 * The header, its entries in the order of the data, whose bytes each belong to one of them.
 * @param judge - is called with each entry first.
 */
export function locateTensors(
  header: Uint8Array,
  dataBytes: number,
  fail: Fail,
  judge?: (entry: TensorEntry) => void,
): Header {
  const { entries, metadata } = parseHeader(header, fail);
  if (judge) entries.forEach(judge);
  const located = [...entries].sort((a, b) => a.start - b.start || a.end - b.end);
  let covered = 0;
  for (const { name, dtype, shape, start, end } of located) {
    const tensor = `tensor ${quoted(name)}`;
    const reader = findReader(dtype);
    const size = reader ? elementCount(shape) * reader.elementBytes : end - start;
    if (end < start || end - start !== size) fail(`${tensor} of ${size} bytes`, `data_offsets [${start}, ${end}]`);
    if (end > dataBytes) fail(`${tensor} within ${dataBytes} bytes of data`, `data_offsets [${start}, ${end}]`);
    if (start !== covered) fail(`${tensor} to start at byte ${covered}`, `${start}`);
    covered = end;
  }
  if (covered !== dataBytes) fail(`${covered} bytes of data`, `${dataBytes}`);
  return { entries: located, metadata };
}

/** A tensor that is to be written. */
export interface Planned {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** Throws of a tensor that cannot be written. */
export function unwritable(where: string, name: string): Fail {
  return (expected, received) => {
    throw new CheckpointError(`${where}: tensor ${quoted(name)}: expected ${expected}, got ${received}.`);
  };
}

/**
 * What stands before the data: size and header, padded to 8 bytes.
 * @throws CheckpointError if a shape is none, or a name or metadata cannot be written.
 */
export function formatHeader(
  tensors: readonly Planned[],
  metadata: Readonly<Record<string, string>>,
  where: string,
): Uint8Array {
  // A null prototype: `__proto__` is a name like any other.
  const header: Record<string, unknown> = Object.create(null);
  for (const text of Object.entries(metadata).flat()) {
    if (typeof text !== 'string' || !isWellFormed(text)) {
      throw new CheckpointError(`${where}: expected metadata of whole characters, got ${JSON.stringify(text)}.`);
    }
  }
  if (Object.keys(metadata).length > 0) header[METADATA] = metadata;
  let dataBytes = 0;
  for (const { name, dtype, shape, byteLength } of tensors) {
    const fail = unwritable(where, name);
    if (name === METADATA || name in header) fail('a name of its own', 'one that is taken');
    if (!isWellFormed(name)) fail('a name of whole characters', 'half of a surrogate pair');
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) fail('a shape', `[${shape.join(', ')}]`);
    header[name] = { dtype, shape, data_offsets: [dataBytes, dataBytes + byteLength] };
    dataBytes += byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(SIZE_BYTES + headerBytes).fill(0x20, SIZE_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, SIZE_BYTES);
  return bytes;
}

/** Fails unless there are as many elements as the shape says. */
export function assertElements(shape: readonly number[], elements: number, fail: Fail): void {
  const count = elementCount(shape);
  if (count !== elements) fail(`${count} elements for shape [${shape.join(', ')}]`, `${elements}`);
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
