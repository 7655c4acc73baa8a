/**
 * The safetensors file format: named arrays behind a JSON header.
 *
 * Layout: header size (8 bytes, little endian), header (JSON: name -> dtype, shape, data_offsets; string metadata
 * under `__metadata__`), then the arrays without holes. Works on typed arrays; it knows no tensors. Files that memory
 * should not hold as a whole are read and written tensor by tensor: `safetensors-files.ts`.
 * Source: https://github.com/huggingface/safetensors, "Format". Deviations: F16 and BF16, which JavaScript has no
 * arrays for, are widened to float32, which holds them exactly; BOOL comes as Uint8Array; 8-bit and smaller floats and
 * complex numbers are not supported.
 */
import { CheckpointError } from '../errors.js';
import { dtypeOf, readerOf, type StoredData } from './safetensors-dtypes.js';
import {
  assertElements,
  damaged,
  formatHeader,
  headerBytesOf,
  locateTensors,
  SIZE_BYTES,
  unwritable,
} from './safetensors-layout.js';

export type { FloatDtype, StoredData } from './safetensors-dtypes.js';
export { FLOAT_DTYPES } from './safetensors-dtypes.js';
export type { FloatTensor, SafetensorsReader, TensorInfo } from './safetensors-files.js';
export { openSafetensors, saveSafetensors } from './safetensors-files.js';

/** A named array: row-major elements and their shape. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: StoredData;
}

/** What a safetensors file holds. */
export interface Safetensors {
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The file that holds these arrays, in this order.
 * @throws CheckpointError if a shape does not fit its elements, or a name or metadata cannot be written.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = [...tensors];
  const planned = entries.map(([name, { shape, data }]) => {
    return { name, dtype: dtypeOf(data, unwritable('writeSafetensors', name)), shape, byteLength: data.byteLength };
  });
  const header = formatHeader(planned, metadata, 'writeSafetensors');
  const file = new Uint8Array(planned.reduce((total, { byteLength }) => total + byteLength, header.length));
  file.set(header);
  let offset = header.length;
  for (const [name, { shape, data }] of entries) {
    assertElements(shape, data.length, unwritable('writeSafetensors', name));
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

/**
 * The arrays of a file, copied out of it; nothing is copied before the whole header has been checked.
 * @param file - its bytes.
 * @param where - the file's name, for messages.
 * @throws CheckpointError that says where the file is damaged, or what in it is not supported.
 */
export function readSafetensors(file: ArrayBufferLike | ArrayBufferView, where = 'safetensors'): Safetensors {
  const bytes = toBytes(file, where);
  const fail = damaged(where);
  const dataStart = SIZE_BYTES + headerBytesOf(bytes, bytes.length, fail);
  const { entries, metadata } = locateTensors(
    bytes.subarray(SIZE_BYTES, dataStart),
    bytes.length - dataStart,
    fail,
    (entry) => void readerOf(entry, where, fail),
  );
  const tensors = new Map<string, StoredTensor>();
  for (const entry of entries) {
    // A copy: the data need not be aligned in the file.
    const { buffer } = bytes.slice(dataStart + entry.start, dataStart + entry.end);
    tensors.set(entry.name, { shape: entry.shape, data: readerOf(entry, where, fail).read(buffer as ArrayBuffer) });
  }
  return { tensors, metadata };
}

function toBytes(file: ArrayBufferLike | ArrayBufferView, where: string): Uint8Array {
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const kind = Object.prototype.toString.call(file).slice(8, -1); // of any realm
  if (kind === 'ArrayBuffer' || kind === 'SharedArrayBuffer') return new Uint8Array(file);
  throw new CheckpointError(
    `${where}: expected the file's bytes as a Uint8Array or ArrayBuffer, got ${kind}. Pass what readFile or arrayBuffer() gives.`,
  );
}
