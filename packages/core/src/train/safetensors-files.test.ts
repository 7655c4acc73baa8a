import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.js';
import {
  openSafetensors,
  readSafetensors,
  type SafetensorsReader,
  saveSafetensors,
  writeSafetensors,
} from './safetensors.js';

const SHARDED = fileURLToPath(new URL('./__fixtures__/sharded', import.meta.url));
const INDEX = 'model.safetensors.index.json';
const [FIRST, SECOND] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];

let scratch: string;
let made = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'mixerzoo-safetensors-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** A copy of the sharded model to do harm to. */
async function copyOfModel(): Promise<string> {
  const directory = join(scratch, `model-${made++}`);
  await cp(SHARDED, directory, { recursive: true });
  return directory;
}

async function withReader<T>(path: string, use: (reader: SafetensorsReader) => Promise<T>): Promise<T> {
  const reader = await openSafetensors(path);
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}

const floats = async (reader: SafetensorsReader, name: string) => (await reader.read(name)).data as Float32Array;
const bitsOf = (data: Float32Array) => new Uint32Array(data.buffer, data.byteOffset, data.length);

describe('openSafetensors', () => {
  it('reads the shards of a directory or an index tensor by tensor', async () => {
    for (const path of [SHARDED, join(SHARDED, INDEX)]) {
      await withReader(path, async (reader) => {
        expect([...reader.tensors.keys()].sort()).toEqual(['a', 'bf16', 'f16', 'f32', 'mask', 'scale']);
        expect(reader.tensors.get('bf16')).toEqual({ dtype: 'BF16', shape: [16, 16], file: join(SHARDED, SECOND) });
        expect(reader.metadata).toEqual({ format: 'pt' });
        expect(await reader.read('a')).toEqual({ shape: [3], data: Float32Array.of(0, 1, 2) });
        expect(await reader.read('mask')).toEqual({ shape: [2], data: Uint8Array.of(1, 0) });
      });
    }
  });

  it('equals readSafetensors on a file by itself', async () => {
    const file = fileURLToPath(new URL('./__fixtures__/dtypes.safetensors', import.meta.url));
    const { tensors, metadata } = readSafetensors(await readFile(file));
    await withReader(file, async (reader) => {
      expect(reader.metadata).toEqual(metadata);
      expect([...reader.tensors.keys()]).toEqual([...tensors.keys()]);
      for (const [name, tensor] of tensors) expect(await reader.read(name)).toEqual(tensor);
    });
  });

  it('reads beside a tensor of a dtype that is not supported, and refuses that one alone', async () => {
    await withReader(SHARDED, async (reader) => {
      expect(reader.tensors.get('scale')?.dtype).toBe('F8_E4M3');
      await expect(reader.read('scale')).rejects.toThrow(/'scale' of dtype F32.*got F8_E4M3, which is not supported/);
      await expect(reader.read('scales')).rejects.toThrow(/expected a tensor 'scales', got none of that name/);
    });
  });

  it('prefers the whole file of a directory', async () => {
    const directory = await copyOfModel();
    const whole = writeSafetensors([['only', { shape: [1], data: Float32Array.of(7) }]]);
    await writeFile(join(directory, 'model.safetensors'), whole);
    await withReader(directory, async ({ tensors }) => expect([...tensors.keys()]).toEqual(['only']));
  });

  it.each<[string, (directory: string) => Promise<unknown>, RegExp]>([
    ['a truncated shard', (at) => truncate(join(at, SECOND), 800), /00002\.safetensors: expected .*damaged/],
    ['a shard cut within its header', (at) => truncate(join(at, FIRST), 20), /00001.*a header within its 20 bytes/],
    ['an empty shard', (at) => truncate(join(at, FIRST), 0), /00001.*at least 8 bytes, got 0/],
    ['a missing shard', (at) => rm(join(at, SECOND)), /00002\.safetensors: expected to read it, got no such file/],
    ['shards in each other’s place', (at) => copyFile(join(at, FIRST), join(at, SECOND)), /not of one model/],
    ['an index that is cut', (at) => truncate(join(at, INDEX), 40), /index\.json: expected JSON, got/],
    ['an index without a map', (at) => writeFile(join(at, INDEX), '{}'), /expected a weight_map, got undefined/],
    [
      'an index that leads elsewhere',
      (at) => writeFile(join(at, INDEX), '{"weight_map":{"a":"../x.safetensors"}}'),
      /a file beside the index for 'a', got "\.\.\/x/,
    ],
    [
      'an index that names too little',
      (at) => writeFile(join(at, INDEX), `{"weight_map":{"f32":"${FIRST}"}}`),
      /expected tensor 'f16' in no file, got it in .*00001/,
    ],
    [
      'an index that names too much',
      (at) => writeFile(join(at, INDEX), `{"weight_map":{"f32":"${FIRST}","f16":"${FIRST}","b":"${FIRST}"}}`),
      /expected tensor 'b' in .*00001.*got none/,
    ],
    ['a directory of something else', (at) => rm(join(at, INDEX)), /expected model\.safetensors or .*got neither/],
    [
      'pickled weights',
      async (at) => {
        await rm(join(at, INDEX));
        await writeFile(join(at, 'pytorch_model.bin'), '');
      },
      /pytorch_model\.bin is pickled/,
    ],
    ['a directory that is not there', (at) => rm(at, { recursive: true }), /got no such file/],
  ])('answers %s with a CheckpointError', async (_, harm, message) => {
    const directory = await copyOfModel();
    await harm(directory);
    const opened = openSafetensors(directory);
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toBeInstanceOf(CheckpointError);
  });

  it('holds one tensor at a time', async () => {
    const file = join(scratch, 'large.safetensors');
    const [count, size] = [40, 2 ** 22]; // 640 MiB
    const elements = new Float32Array(size).fill(1);
    await saveSafetensors(
      file,
      Array.from({ length: count }, (_, index) => ({
        name: `t${index}`,
        shape: [size],
        dtype: 'F32' as const,
        data: () => Promise.resolve(elements),
      })),
    );
    const before = process.resourceUsage().maxRSS; // KiB
    await withReader(file, async (reader) => {
      for (const name of reader.tensors.keys()) expect((await floats(reader, name))[size - 1]).toBe(1);
    });
    await rm(file);
    expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(320);
  });
});

describe('saveSafetensors', () => {
  const tensor = (name: string, data: Float32Array, dtype: 'F32' | 'F16' | 'BF16' = 'F32') => {
    return { name, shape: [data.length], dtype, data: () => Promise.resolve(data) };
  };

  it('rounds to F16 and BF16 as torch does, and widens back to the same bits', async () => {
    await withReader(SHARDED, async (reader) => {
      const file = join(scratch, 'rounded.safetensors');
      const wide = await floats(reader, 'f32');
      const half = wide.map((value) => (Math.abs(value) < 65520 || !Number.isFinite(value) ? value : 0)); // torch: infinite
      await saveSafetensors(file, [tensor('f16', half, 'F16'), tensor('bf16', wide, 'BF16'), tensor('f32', wide)]);
      await withReader(file, async (written) => {
        const expected = (await floats(reader, 'f16')).map((value, index) => (half[index] === 0 ? value * 0 : value));
        expect(bitsOf(await floats(written, 'f16'))).toEqual(bitsOf(expected));
        expect(bitsOf(await floats(written, 'bf16'))).toEqual(bitsOf(await floats(reader, 'bf16')));
        expect(bitsOf(await floats(written, 'f32'))).toEqual(bitsOf(wide));
      });
    });
  });

  it.each(['F16', 'BF16'] as const)('gives every %s back, bit for bit', async (dtype) => {
    const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const [source, file] = [join(scratch, 'all.safetensors'), join(scratch, 'again.safetensors')];
    const header = new TextEncoder().encode(
      JSON.stringify({ all: { dtype, shape: [65536], data_offsets: [0, 131072] } }).padEnd(72),
    );
    const size = new Uint8Array(8);
    new DataView(size.buffer).setBigUint64(0, BigInt(header.length), true);
    await writeFile(source, Buffer.concat([size, header, new Uint8Array(halves.buffer)]));
    await withReader(source, async (reader) =>
      saveSafetensors(file, [tensor('all', await floats(reader, 'all'), dtype)]),
    );
    const data = (await readFile(file)).subarray(-131072);
    expect(Buffer.compare(data, new Uint8Array(halves.buffer))).toBe(0);
  });

  it('refuses what a dtype has no number for, and leaves the old file', async () => {
    const file = join(scratch, 'kept.safetensors');
    await saveSafetensors(file, [tensor('a', Float32Array.of(1))]);
    const before = await readFile(file);
    await expect(saveSafetensors(file, [tensor('b', Float32Array.of(1, 65520), 'F16')])).rejects.toThrow(
      /kept\.safetensors: tensor 'b': expected elements within the range of F16, got 65520/,
    );
    await expect(saveSafetensors(file, [{ ...tensor('b', Float32Array.of(1)), shape: [2] }])).rejects.toThrow(
      /expected 2 elements for shape \[2\], got 1/,
    );
    expect(await readFile(file)).toEqual(before);
    expect(await readdir(scratch)).not.toContain('kept.safetensors.next');
    await saveSafetensors(file, [tensor('i', Float32Array.of(Infinity, -Infinity, NaN), 'F16')]);
    await withReader(file, async (reader) => {
      expect(await floats(reader, 'i')).toEqual(Float32Array.of(Infinity, -Infinity, NaN));
    });
  });

  it('names what is in its way', async () => {
    const file = join(scratch, 'a-directory');
    await mkdir(file);
    await expect(saveSafetensors(file, [])).rejects.toThrow(/a-directory: expected to write it, got E/);
  });
});
