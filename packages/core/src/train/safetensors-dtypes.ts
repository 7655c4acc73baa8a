/**
 * The elements of safetensors files: typed arrays, and the 16-bit floats that JavaScript has no arrays for. Those are
 * widened to float32, which holds them exactly, and float32 is rounded to them, to nearest, ties to even.
 */
import { CheckpointError } from '../errors.js';
import { type Fail, quoted, type TensorEntry } from './safetensors-header.js';

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

/** How the elements of a dtype are stored, and read from a copy of their bytes. */
export interface DtypeReader {
  readonly elementBytes: number;
  read(bytes: ArrayBuffer): StoredData;
}

const READERS: ReadonlyMap<string, DtypeReader> = new Map<string, DtypeReader>([
  ...Object.entries(ARRAYS).map(([dtype, ArrayOf]): [string, DtypeReader] => [
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

/** Undefined for a dtype that is unknown or not supported. */
export function findReader(dtype: string): DtypeReader | undefined {
  return READERS.get(dtype);
}

/**
 * @param where - the file.
 * @param fail - for a dtype that the format does not have: the file is damaged.
 * @throws CheckpointError for one that the format has and this package does not.
 */
export function readerOf({ name, dtype }: TensorEntry, where: string, fail: Fail): DtypeReader {
  const reader = READERS.get(dtype);
  if (reader) return reader;
  const expected = `tensor ${quoted(name)} of dtype ${[...READERS.keys()].join(', ')}`;
  if (!UNSUPPORTED.includes(dtype)) fail(expected, quoted(dtype));
  throw new CheckpointError(
    `${where}: expected ${expected}, got ${dtype}, which is not supported. Convert the tensor to one of these where the file was made.`,
  );
}

/** The dtype that an array is written as. */
export function dtypeOf(data: StoredData, fail: Fail): ArrayType {
  const found = (Object.keys(ARRAYS) as ArrayType[]).find((dtype) => data instanceof ARRAYS[dtype]);
  return found ?? fail('a typed array', Object.prototype.toString.call(data));
}

/** The dtypes that float32 can be written as. */
export const FLOAT_DTYPES = ['F32', 'F16', 'BF16'] as const;
export type FloatDtype = (typeof FLOAT_DTYPES)[number];

export const FLOAT_BYTES: Readonly<Record<FloatDtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/**
 * The bytes of float32 elements in a dtype.
 * @param fail - for a finite element that the dtype has no finite number for.
 */
export function floatBytes(data: Float32Array, dtype: FloatDtype, fail: Fail): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const [narrowed, infinity] = dtype === 'F16' ? ([halfBits, 0x7c00] as const) : ([bfloatBits, 0x7f80] as const);
  const wide = new Uint32Array(data.buffer, data.byteOffset, data.length); // numbers would lose the bits of NaN
  const narrow = new Uint16Array(data.length);
  for (let index = 0; index < narrow.length; index += 1) {
    const bits = wide[index] as number;
    const result = narrowed(bits);
    if ((result & 0x7fff) === infinity && (bits & 0x7fffffff) < 0x7f800000) {
      fail(`elements within the range of ${dtype}`, `${data[index]}`);
    }
    narrow[index] = result;
  }
  return new Uint8Array(narrow.buffer);
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

/** Binary32 to the nearest binary16, ties to even. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7c00 | ((size >>> 13) & 0x3ff || 0x200);
  if (size >= 0x47800000) return sign | 0x7c00; // from 2^16 on
  if (size >= 0x38800000) return sign | roundedShift(size - 0x38000000, 13);
  const exponent = size >>> 23;
  // A multiple of 2^-24; below 2^-25 it is nought.
  return exponent < 102 ? sign : sign | roundedShift((size & 0x7fffff) | 0x800000, 126 - exponent);
}

/** Binary32 to the nearest bfloat16, ties to even. */
function bfloatBits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | ((bits & 0x7f0000) === 0 ? 0x40 : 0);
  return roundedShift(bits, 16);
}

/** `bits / 2^count` to the nearest whole number, ties to even. */
function roundedShift(bits: number, count: number): number {
  const kept = bits >>> count;
  const rest = bits & (2 ** count - 1);
  const half = 2 ** (count - 1);
  return kept + (rest > half || (rest === half && kept % 2 === 1) ? 1 : 0);
}
