/**
 * The safetensors file format: named arrays behind a JSON header.
 *
 * Layout: header size (8 bytes, little endian), header (JSON: name -> dtype, shape, data_offsets; string metadata
 * under `__metadata__`), then the arrays without holes. Works on typed arrays; it knows no tensors.
 * Source: https://github.com/huggingface/safetensors, "Format". Deviation: the half-precision and 8-bit float
 * dtypes, which JavaScript has no arrays for, are refused.
 */
import { CheckpointError } from '../errors.js';

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
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit, which keeps a damaged size from being taken for a header. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = '__metadata__';

/**
 * The file that holds these arrays, in this order.
 * @throws CheckpointError if a shape does not fit its elements.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = [...tensors];
  // A null prototype: `__proto__` is a name like any other.
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header[METADATA] = metadata;
  let dataBytes = 0;
  for (const [name, { shape, data }] of entries) {
    const fault =
      name === METADATA || name in header
        ? 'a name of its own'
        : elementCount(shape) !== data.length
          ? `${elementCount(shape)} elements for shape [${shape.join(', ')}]`
          : undefined;
    if (fault) throw new CheckpointError(`writeSafetensors: tensor '${name}': expected ${fault}, got ${data.length}.`);
    header[name] = { dtype: dtypeOf(data), shape, data_offsets: [dataBytes, dataBytes + data.byteLength] };
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
 * The arrays of a file, copied out of it.
 * @param where - the file's name, for messages.
 * @throws CheckpointError that says where the file is damaged.
 */
export function readSafetensors(bytes: Uint8Array, where = 'safetensors'): Safetensors {
  const fail = (expected: string, received: string, cause?: unknown): never => {
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
  const dataBytes = bytes.length - dataStart;

  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch (error) {
    fail('a JSON header', error instanceof Error ? error.message : String(error), error);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    fail('a JSON object as header', 'another value');
  const { [METADATA]: metadata = {}, ...entries } = header as Record<string, unknown>;
  if (!isStringRecord(metadata)) fail('metadata of strings', JSON.stringify(metadata).slice(0, 60));

  const tensors = new Map<string, StoredTensor>();
  const spans: [start: number, end: number, name: string][] = [];
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
    if (typeof dtype !== 'string' || !Object.hasOwn(ARRAYS, dtype)) {
      fail(`tensor '${name}' of dtype ${Object.keys(ARRAYS).join(', ')}`, JSON.stringify(dtype) ?? 'none');
    }
    if (!isSizes(shape)) fail(`tensor '${name}' with a shape`, JSON.stringify(shape) ?? 'none');
    if (!isSizes(offsets) || offsets.length !== 2)
      fail(`tensor '${name}' with data_offsets`, JSON.stringify(offsets) ?? 'none');
    const [start, end] = offsets as [number, number];
    const ArrayOf = ARRAYS[dtype as ArrayType];
    const size = elementCount(shape as number[]) * ArrayOf.BYTES_PER_ELEMENT;
    if (end - start !== size) fail(`tensor '${name}' of ${size} bytes`, `data_offsets [${start}, ${end}]`);
    if (end > dataBytes) fail(`tensor '${name}' within ${dataBytes} bytes of data`, `data_offsets [${start}, ${end}]`);
    // Copied: the data need not be aligned in the file.
    // A copy, also of a Node Buffer, whose own `slice` is a view of its pool.
    const data = new ArrayOf(new Uint8Array(bytes.subarray(dataStart + start, dataStart + end)).buffer);
    tensors.set(name, { shape: shape as number[], data });
    spans.push([start, end, name]);
  }
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let covered = 0;
  for (const [start, end, name] of spans) {
    if (start !== covered) fail(`tensor '${name}' to start at byte ${covered}`, `${start}`);
    covered = end;
  }
  if (covered !== dataBytes) fail(`${covered} bytes of data`, `${dataBytes}`);
  return { tensors, metadata: metadata as Record<string, string> };
}

function dtypeOf(data: StoredData): ArrayType {
  const found = (Object.keys(ARRAYS) as ArrayType[]).find((dtype) => data instanceof ARRAYS[dtype]);
  if (!found)
    throw new CheckpointError(`writeSafetensors: expected a typed array, got ${Object.prototype.toString.call(data)}.`);
  return found;
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string');
}
