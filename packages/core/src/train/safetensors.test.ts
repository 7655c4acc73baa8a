import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.js';
import { readSafetensors, type StoredData, type StoredTensor, writeSafetensors } from './safetensors.js';

const shapes = fc.array(fc.nat({ max: 4 }), { maxLength: 3 });
const tensor: fc.Arbitrary<StoredTensor> = shapes.chain((shape) => {
  const size = { minLength: shape.reduce((a, b) => a * b, 1), maxLength: shape.reduce((a, b) => a * b, 1) };
  return fc
    .oneof<fc.Arbitrary<StoredData>[]>(
      fc.float32Array({ ...size }),
      fc.float64Array({ ...size }),
      fc.int32Array({ ...size }),
      fc.uint8Array({ ...size }),
      fc.bigInt64Array({ ...size }),
    )
    .map((data) => ({ shape, data }));
});
const names = fc.string({ unit: 'binary', minLength: 1 }).filter((name) => name !== '__metadata__');
const files = fc.tuple(
  fc.uniqueArray(fc.tuple(names, tensor), { selector: ([name]) => name, maxLength: 5 }),
  fc.dictionary(names, fc.string({ unit: 'grapheme' }), { noNullPrototype: true }),
);

function file(): Uint8Array {
  return writeSafetensors([
    ['a', { shape: [2, 2], data: Float32Array.of(1, 2, 3, NaN) }],
    ['b', { shape: [], data: Int32Array.of(-7) }],
  ]);
}

/** A file with this header and `dataBytes` zero bytes of data. */
function withHeader(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

describe('safetensors', () => {
  it('reads what it wrote, bit for bit, at any alignment', () => {
    fc.assert(
      fc.property(files, fc.nat({ max: 9 }), ([entries, metadata], shift) => {
        const written = writeSafetensors(entries, metadata);
        const shifted = new Uint8Array(written.length + shift);
        shifted.set(written, shift);
        const read = readSafetensors(shifted.subarray(shift));
        expect(read.metadata).toEqual(metadata);
        expect([...read.tensors.keys()].sort()).toEqual(entries.map(([name]) => name).sort());
        for (const [name, { shape, data }] of entries) {
          const found = read.tensors.get(name) as StoredTensor;
          expect(found.shape).toEqual(shape);
          expect(found.data.constructor).toBe(data.constructor);
          expect(Buffer.from(found.data.buffer)).toEqual(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('aligns the data to 8 bytes and stores it little endian', () => {
    const bytes = file();
    const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerBytes % 8).toBe(0);
    expect(new DataView(bytes.buffer).getFloat32(8 + headerBytes + 4, true)).toBe(2);
  });

  it('answers any truncation with a CheckpointError that names the file', () => {
    const bytes = file();
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => readSafetensors(bytes.subarray(0, length), 'run/model.safetensors')).toThrow(CheckpointError);
      expect(() => readSafetensors(bytes.subarray(0, length), 'run/model.safetensors')).toThrow(
        /^run\/model\.safetensors: expected/,
      );
    }
  });

  it('never fails otherwise, whatever byte is damaged', () => {
    const bytes = file();
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at] = value;
        try {
          readSafetensors(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['a header that is not JSON', '{"a":', 0, /JSON header/],
    ['a header that is a list', [], 0, /JSON object/],
    ['an unknown dtype', { a: { dtype: 'F16', shape: [1], data_offsets: [0, 2] } }, 2, /dtype F32.*got "F16"/],
    ['a shape that does not fit', { a: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } }, 8, /12 bytes.*\[0, 8\]/],
    ['a negative size', { a: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }, 4, /shape, got \[-1\]/],
    ['offsets past the end', { a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, 4, /within 4 bytes/],
    ['a hole', { a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, 8, /start at byte 0, got 4/],
    ['bytes nobody claims', { a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, 8, /4 bytes of data, got 8/],
    ['metadata that is not text', { __metadata__: { a: 1 } }, 0, /metadata of strings/],
  ])('refuses %s', (_, header, dataBytes, message) => {
    expect(() => readSafetensors(withHeader(header, dataBytes))).toThrow(message);
  });

  it('refuses to write a shape that does not fit, or a name twice', () => {
    const data = Float32Array.of(1, 2);
    expect(() => writeSafetensors([['a', { shape: [3], data }]])).toThrow(
      /'a': expected 3 elements for shape \[3\], got 2/,
    );
    expect(() =>
      writeSafetensors([
        ['a', { shape: [2], data }],
        ['a', { shape: [2], data }],
      ]),
    ).toThrow(/name of its own/);
  });
});
