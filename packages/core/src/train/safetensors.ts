/**
 * The safetensors file format: named arrays behind a JSON header.
 *
 * Layout: header size (8 bytes, little endian), header (JSON: name -> dtype, shape, data_offsets; string metadata
 * under `__metadata__`), then the arrays without holes. Works on typed arrays; it knows no tensors.
 * Source: https://github.com/huggingface/safetensors, "Format". Deviations: F16 and BF16, which JavaScript has no
 * arrays for, are widened to float32, which holds them exactly; BOOL comes as Uint8Array; 8-bit and smaller floats and
 * complex numbers are not supported. Written are the dtypes of typed arrays alone.
 */
import { CheckpointError } from '../errors.js';
import { type Fail, isWellFormed, METADATA, parseHeader, quoted, type TensorEntry } from './safetensors-header.js';

const ARRAYS = {
  F32: Float32Array,
  F64: Float64Array,
  I8: Int8Array,
  I16: Int16Array,
  I32: Int32Array,
  I64: BigInt64Array,
  U8: Uint8Array,
  U16: Uint16Array,
  U32: Uint32Array,
  U64: BigUint64Array,
} as const;

type ArrayType = keyof typeof ARRAYS;

/** The elements of a stored array. */
export type StoredData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

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

/** How the elements of a dtype are stored, and read from a copy of their bytes. */
interface Reader {
  readonly elementBytes: number;
  read(bytes: ArrayBuffer): StoredData;
}

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ...Object.entries(ARRAYS).map(([dtype, ArrayOf]): [string, Reader] => [
    dtype,
    { elementBytes: ArrayOf.BYTES_PER_ELEMENT, read: (bytes) => new ArrayOf(bytes) },
  ]),
  ['BOOL', { elementBytes: 1, read: (bytes) => new Uint8Array(bytes) }],
  ['F16', { elementBytes: 2, read: (bytes) => widen(bytes, float32BitsOfHalf) }],
  ['BF16', { elementBytes: 2, read: (bytes) => widen(bytes, (bits) => bits << 16) }],
]);

/** The format's dtypes that no reader is here for. */
const UNSUPPORTED: readonly string[] = [
  'F4',
  'F6_E2M3',
  'F6_E3M2',
  'F8_E5M2',
  'F8_E4M3',
  'F8_E8M0',
  'F8_E4M3FNUZ',
  'F8_E5M2FNUZ',
  'C64',
];

/** The format's own limit, which keeps a damaged size from being taken for a header. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * The file that holds these arrays, in this order.
 * @throws CheckpointError if a shape does not fit its elements, or a name or metadata cannot be written.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = [...tensors];
  // A null prototype: `__proto__` is a name like any other.
  const header: Record<string, unknown> = Object.create(null);
  for (const text of Object.entries(metadata).flat()) {
    if (typeof text !== 'string' || !isWellFormed(text)) {
      throw new CheckpointError(
        `writeSafetensors: expected metadata of whole characters, got ${JSON.stringify(text)}.`,
      );
    }
  }
  if (Object.keys(metadata).length > 0) header[METADATA] = metadata;
  let dataBytes = 0;
  for (const [name, { shape, data }] of entries) {
    const fail: Fail = (expected, received) => {
      throw new CheckpointError(`writeSafetensors: tensor ${quoted(name)}: expected ${expected}, got ${received}.`);
    };
    if (name === METADATA || name in header) fail('a name of its own', 'one that is taken');
    if (!isWellFormed(name)) fail('a name of whole characters', 'half of a surrogate pair');
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) fail('a shape', `[${shape.join(', ')}]`);
    if (elementCount(shape) !== data.length)
      fail(`${elementCount(shape)} elements for shape [${shape.join(', ')}]`, `${data.length}`);
    header[name] = { dtype: dtypeOf(data, fail), shape, data_offsets: [dataBytes, dataBytes + data.byteLength] };
    dataBytes += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, 8);
  file.fill(0x20, 8 + json.length, 8 + headerBytes);
  let offset = 8 + headerBytes;
  for (const [, { data }] of entries) {
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
  const fail: Fail = (expected, received, cause) => {
    throw new CheckpointError(
      `${where}: expected ${expected}, got ${received}. The file is damaged or not safetensors; restore it from a copy or make it again.`,
      { cause },
    );
  };
  if (bytes.length < 8) fail('at least 8 bytes', `${bytes.length}`);
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > Math.min(MAX_HEADER_BYTES, bytes.length - 8)) {
    fail(`a header within its ${bytes.length} bytes`, `a header size of ${headerBytes}`);
  }
  const dataStart = 8 + headerBytes;
  const { entries, metadata } = parseHeader(bytes.subarray(8, dataStart), fail);
  const located = locate(entries, bytes.length - dataStart, where, fail);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, shape, start, end, read } of located) {
    const copy = bytes.slice(dataStart + start, dataStart + end); // the data need not be aligned in the file
    tensors.set(name, { shape, data: read(copy.buffer) });
  }
  return { tensors, metadata };
}

/** The entries with their readers in the order of the file, whose bytes each belong to one of them. */
function locate(entries: readonly TensorEntry[], dataBytes: number, where: string, fail: Fail) {
  const located = entries.map((entry) => {
    const reader = READERS.get(entry.dtype);
    if (reader) return { ...entry, ...reader };
    const known = [...READERS.keys()].join(', ');
    const expected = `tensor ${quoted(entry.name)} of dtype ${known}`;
    if (!UNSUPPORTED.includes(entry.dtype)) fail(expected, quoted(entry.dtype));
    throw new CheckpointError(
      `${where}: expected ${expected}, got ${entry.dtype}, which is not supported. Convert the tensor to one of these where the file was made.`,
    );
  });
  located.sort((a, b) => a.start - b.start || a.end - b.end);
  let covered = 0;
  for (const { name, shape, start, end, elementBytes } of located) {
    const tensor = `tensor ${quoted(name)}`;
    const size = elementCount(shape) * elementBytes;
    if (end - start !== size) fail(`${tensor} of ${size} bytes`, `data_offsets [${start}, ${end}]`);
    if (end > dataBytes) fail(`${tensor} within ${dataBytes} bytes of data`, `data_offsets [${start}, ${end}]`);
    if (start !== covered) fail(`${tensor} to start at byte ${covered}`, `${start}`);
    covered = end;
  }
  if (covered !== dataBytes) fail(`${covered} bytes of data`, `${dataBytes}`);
  return located;
}

function toBytes(file: ArrayBufferLike | ArrayBufferView, where: string): Uint8Array {
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const kind = Object.prototype.toString.call(file).slice(8, -1); // of any realm
  if (kind === 'ArrayBuffer' || kind === 'SharedArrayBuffer') return new Uint8Array(file);
  throw new CheckpointError(
    `${where}: expected the file's bytes as a Uint8Array or ArrayBuffer, got ${kind}. Pass what readFile or arrayBuffer() gives.`,
  );
}

/** 16-bit floats as float32, by their bits. */
function widen(bytes: ArrayBuffer, float32Bits: (bits: number) => number): Float32Array {
  const narrow = new Uint16Array(bytes);
  const wide = new Uint32Array(narrow.length);
  for (let index = 0; index < narrow.length; index += 1) wide[index] = float32Bits(narrow[index] as number);
  return new Float32Array(wide.buffer);
}

/** IEEE 754 binary16 to binary32: 5 bits of exponent become 8, 10 of fraction 23. */
function float32BitsOfHalf(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13); // infinite or no number
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal, fraction x 2^-24: normal in binary32 once its leading bit is shifted out.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

function dtypeOf(data: StoredData, fail: Fail): ArrayType {
  const found = (Object.keys(ARRAYS) as ArrayType[]).find((dtype) => data instanceof ARRAYS[dtype]);
  return found ?? fail('a typed array', Object.prototype.toString.call(data));
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
