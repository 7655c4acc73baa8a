import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.js';
import { readSafetensors, type StoredData, type StoredTensor, writeSafetensors } from './safetensors.js';

fc.configureGlobal({ seed: Number(process.env['MIXERZOO_FUZZ_SEED'] ?? 1) });

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

const F32 = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
const A = JSON.stringify(F32);

/** The message of a header's refusal; undefined if the file is read. Any other error goes through. */
function refusal(header: unknown, dataBytes = 4): string | undefined {
  try {
    readSafetensors(withHeader(header, dataBytes));
    return undefined;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return error.message;
  }
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

  it('answers whatever is damaged with a CheckpointError', () => {
    const bytes = file();
    const damaged = fc
      .array(fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 })
      .map((changes) => {
        const copy = Uint8Array.from(bytes);
        for (const [at, value] of changes) copy[at] = value;
        return copy;
      });
    const value = fc.oneof(fc.json({ maxDepth: 3 }), fc.constantFrom('1.0', '-0', '01', '1e0', '"\\ud800"', '', '['));
    const entry = fc
      .tuple(fc.constantFrom('"F32"', '"F16"', '"BOOL"', '"F8_E4M3"', '0'), value, value)
      .map(([dtype, shape, offsets]) => `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`);
    const header = fc
      .array(fc.tuple(fc.oneof(fc.json({ maxDepth: 0 }), fc.constant('"__metadata__"')), fc.oneof(value, entry)))
      .map((members) => withHeader(`{${members.map(([key, content]) => `${key}:${content}`).join(',')}}`, 4));
    fc.assert(
      fc.property(fc.oneof(damaged, header, fc.uint8Array({ maxLength: 64 })), (broken) => {
        try {
          const { tensors } = readSafetensors(broken);
          for (const { shape, data } of tensors.values()) expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['a header that is not JSON', '{"a":', 0, /'\{' in 'a' at character 5 of the header, got its end/],
    ['a header that is a list', [], 0, /begins with '\{', got byte 91/],
    ['an unknown dtype', { a: { ...F32, dtype: 'X9' } }, 4, /'a' of dtype F32.*got 'X9'\. The file is damaged/],
    ['no dtype', { a: { shape: [1], data_offsets: [0, 4] } }, 4, /'a' with dtype.*got none, \[1\], \[0,4\]/],
    ['three offsets', { a: { ...F32, data_offsets: [0, 4, 4] } }, 4, /two data_offsets, got "F32", \[1\], \[0,4,4\]/],
    ['a shape that does not fit', { a: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } }, 8, /12 bytes.*\[0, 8\]/],
    ['a negative size', { a: { ...F32, shape: [-1] } }, 4, /a whole number in 'a' 'shape'.*got '-1\]/],
    ['a size in decimals', `{"a":${A.replace('[1]', '[1.0]')}}`, 4, /a whole number in 'a' 'shape'.*got '1\.0\]/],
    ['a size beyond 2^53', `{"a":${A.replace('[1]', '[0,9007199254740993]')}}`, 0, /a number below 2\^53/],
    ['offsets past the end', { a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, 4, /within 4 bytes/],
    ['a hole', { a: { ...F32, data_offsets: [4, 8] } }, 8, /start at byte 0, got 4/],
    ['an overlap', { a: F32, b: F32 }, 4, /'b' to start at byte 4, got 0/],
    ['bytes nobody claims', { a: F32 }, 8, /4 bytes of data, got 8/],
    ['metadata that is not text', { __metadata__: { a: 1 } }, 0, /a text in '__metadata__' 'a' at character 21/],
    ['metadata that is a list', { __metadata__: ['a'], a: F32 }, 4, /'\{' in '__metadata__'/],
    ['a tensor twice', `{"a":${A},"a":${A}}`, 4, /each key of the header once, got 'a' twice/],
    ['a tensor twice, once in escapes', `{"a":${A},"\\u0061":${A}}`, 4, /got 'a' twice/],
    ['a field twice', `{"a":${A.replace('{', '{"shape":[1],')}}`, 4, /got 'shape' twice/],
    ['metadata twice', `{"__metadata__":{},"a":${A},"__metadata__":{}}`, 4, /got '__metadata__' twice/],
    ['a text of the metadata twice', `{"__metadata__":{"x":"1","x":"2"},"a":${A}}`, 4, /got 'x' twice/],
    ['a byte order mark', `\ufeff{"a":${A}}`, 4, /begins with '\{', got byte 239/],
    ['a blank before the header', ` {"a":${A}}`, 4, /begins with '\{', got byte 32/],
    ['text after the header', `{"a":${A}} x`, 4, /its end at character \d+ of the header, got 'x'/],
    ['half of a surrogate pair', `{"\\ud800":${A}}`, 4, /whole surrogate pairs/],
    [
      'half of a surrogate pair in the metadata',
      `{"__metadata__":{"x":"\\udc00"},"a":${A}}`,
      4,
      /whole surrogate pairs/,
    ],
    ['control characters, without repeating them', `{"a\u001b[2J":${A}}`, 4, /no control characters.*got '"a\\x1b\[2J/],
  ])('refuses %s', (_, header, dataBytes, message) => {
    expect(refusal(header, dataBytes)).toMatch(message);
  });

  it.each([
    ['null', `{"__metadata__":null,"a":${A}}`],
    ['blanks between, and after for alignment', `{ "a" :\n\t${A}\r\n}   `],
    ['a surrogate pair in escapes', `{"\\ud83d\\ude00":${A}}`],
    ['a field of a later version', `{"a":${A.replace('{', '{"layout":[{"x":-1.5e3},null,"y"],')}}`],
    ['an empty tensor before another', `{"b":${A},"a":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]}}`],
  ])('reads %s as the format does', (_, header) => {
    expect(refusal(header)).toBeUndefined();
  });

  it('refuses what is nested without end, wherever it stands', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(refusal(`{"__metadata__":{"x":${deep}},"a":${A}}`)).toMatch(/a text in '__metadata__' 'x'/);
    expect(refusal(`{"a":${A.replace('[1]', deep)}}`)).toMatch(/a whole number in 'a' 'shape'/);
    expect(refusal(`{"a":${A.replace('{', `{"x":${deep},`)}}`)).toMatch(/at most 125 levels/);
  });

  it('copies nothing before the offsets are checked', () => {
    // 60 tensors that all claim the same 20 MB: 1.2 GB, were they copied first.
    const mebibyte = 2 ** 20;
    const claim = { dtype: 'U8', shape: [20 * mebibyte], data_offsets: [0, 20 * mebibyte] };
    const claims = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`t${index}`, claim]));
    const bytes = withHeader(claims, 20 * mebibyte);
    const peak = () => process.resourceUsage().maxRSS / 1024; // MiB
    const before = peak();
    expect(() => readSafetensors(bytes)).toThrow(/to start at byte 20971520, got 0/);
    expect(peak() - before).toBeLessThan(200);
  });

  it('reads what the reference implementation wrote, half precision widened', async () => {
    const { tensors, metadata } = readSafetensors(
      await readFile(new URL('./__fixtures__/dtypes.safetensors', import.meta.url)),
    );
    const common = [0, -0, 1, -2];
    const special = [2 ** -14, 2 ** -24, Infinity, -Infinity, NaN];
    expect(metadata).toEqual({ 'made by': 'safetensors.numpy ☃' });
    expect(Object.fromEntries(tensors)).toEqual({
      f16: { shape: [3, 4], data: Float32Array.of(...common, 0.333251953125, 65504, ...special, 2 ** -23) },
      bf16: { shape: [12], data: Float32Array.of(...common, 0.333984375, 65536, ...special, 1.0011717677116394e-7) },
      bool: { shape: [2, 2], data: Uint8Array.of(1, 0, 0, 1) },
      f32: { shape: [], data: Float32Array.of(1.5) },
      i64: { shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
      empty: { shape: [0, 3], data: new Float32Array(0) },
    });
  });

  it('widens every half', () => {
    const halves = withHeader({ h: { dtype: 'F16', shape: [65536], data_offsets: [0, 131072] } }, 131072);
    const view = new DataView(halves.buffer, halves.length - 131072);
    for (let bits = 0; bits < 65536; bits += 1) view.setUint16(2 * bits, bits, true);
    const widened = (readSafetensors(halves).tensors.get('h') as StoredTensor).data as Float32Array;
    const expected = Float32Array.from({ length: 65536 }, (_, bits) => {
      const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
      const size =
        exponent === 31
          ? fraction === 0
            ? Infinity
            : NaN
          : exponent === 0
            ? fraction * 2 ** -24
            : (1 + fraction / 1024) * 2 ** (exponent - 15);
      return bits < 32768 ? size : -size;
    });
    expect(widened).toEqual(expected);
  });

  it('names what is sound but not supported', () => {
    const message = refusal({ a: { dtype: 'F8_E4M3', shape: [4], data_offsets: [0, 4] } });
    expect(message).toMatch(/got F8_E4M3, which is not supported\. Convert the tensor/);
    expect(message).not.toMatch(/damaged/);
  });

  it('takes an ArrayBuffer or any view of one, and names what else it is given', () => {
    const bytes = file();
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const expected = readSafetensors(bytes);
    for (const input of [bytes.buffer, Buffer.from(bytes), new DataView(shifted.buffer, 1)]) {
      expect(readSafetensors(input)).toEqual(expected);
    }
    for (const input of ['text', null, undefined, [1, 2], { length: 9 }]) {
      expect(() => readSafetensors(input as never, 'w')).toThrow(/^w: expected the file's bytes as .*, got \w+\. Pass/);
      expect(() => readSafetensors(input as never)).toThrow(CheckpointError);
    }
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
    expect(() => writeSafetensors([['a', { shape: [-1, -2], data }]])).toThrow(/expected a shape, got \[-1, -2\]/);
  });

  it('refuses to write text that the format refuses to read', () => {
    expect(() => writeSafetensors([['\ud800', { shape: [], data: Float32Array.of(1) }]])).toThrow(/whole characters/);
    expect(() => writeSafetensors([], { a: '\udc00' })).toThrow(CheckpointError);
    expect(() => writeSafetensors([], { a: 1 } as never)).toThrow(/metadata of whole characters, got 1/);
  });
});
