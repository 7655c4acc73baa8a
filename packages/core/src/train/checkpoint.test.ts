import { chmod, copyFile, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { CheckpointError } from '../errors.js';
import { hasCheckpoint, readCheckpoint, writeCheckpoint } from './checkpoint.js';

fc.configureGlobal({ seed: Number(process.env['MIXERZOO_FUZZ_SEED'] ?? 1) });

const content = (value: number) => ({
  tensors: new Map([['params.a', { shape: [2], data: Float32Array.of(value, -value) }]]),
  sidecar: { step: value },
});

describe('checkpoints', () => {
  let directory: string;
  const file = (name: string) => join(directory, name);
  const rewrite = async (change: (text: string) => string) =>
    writeFile(file('checkpoint.json'), change(await readFile(file('checkpoint.json'), 'utf8')));

  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'mixerzoo-')), 'deep', 'checkpoint');
  });
  afterEach(async () => {
    await rm(join(directory, '..', '..'), { recursive: true, force: true });
  });

  it('are written through no link', async () => {
    const root = await mkdtemp(join(tmpdir(), 'mixerzoo-links-'));
    await writeFile(join(root, 'precious'), 'keep');
    for (const name of ['model.safetensors.next', 'checkpoint.json.next']) {
      await symlink(join(root, 'precious'), join(root, name));
    }
    await writeCheckpoint(root, { tensors: new Map(), sidecar: {} });
    expect(await readFile(join(root, 'precious'), 'utf8')).toBe('keep');
    expect((await readCheckpoint(root)).tensors.size).toBe(0);
  });

  it('come back as they were written, and replace the one before', async () => {
    expect(await hasCheckpoint(directory)).toBe(false);
    await writeCheckpoint(directory, content(1));
    await writeCheckpoint(directory, content(2));
    expect(await hasCheckpoint(directory)).toBe(true);
    expect(await readCheckpoint(directory)).toEqual(content(2));
    expect((await readdir(directory)).sort()).toEqual(['checkpoint.json', 'model.safetensors']);
    const json = JSON.parse(await readFile(file('checkpoint.json'), 'utf8'));
    expect(json).toMatchObject({
      format: 'mixerzoo-checkpoint',
      version: 2,
      tensors: { file: 'model.safetensors' },
      sidecar: { step: 2 },
    });
  });

  it('survive a kill before the commit', async () => {
    await writeCheckpoint(directory, content(1));
    await writeFile(file('model.safetensors.next'), 'half a fi');
    await writeFile(file('checkpoint.json.next'), '{');
    expect(await readCheckpoint(directory)).toEqual(content(1));
    await writeCheckpoint(directory, content(2));
    expect(await readCheckpoint(directory)).toEqual(content(2));
  });

  it('survive a kill between the commit and the last rename', async () => {
    await writeCheckpoint(directory, content(1));
    const old = await readFile(file('model.safetensors'));
    await writeCheckpoint(directory, content(2));
    await rename(file('model.safetensors'), file('model.safetensors.next'));
    await writeFile(file('model.safetensors'), old);
    expect(await readCheckpoint(directory)).toEqual(content(2));
    expect((await readdir(directory)).sort()).toEqual(['checkpoint.json', 'model.safetensors']);
    expect(await readCheckpoint(directory)).toEqual(content(2));
  });

  it.each([
    [
      'no checkpoint',
      async () => rm(file('checkpoint.json')),
      /checkpoint\.json: expected a checkpoint, got no such file/,
    ],
    [
      'a sidecar cut short',
      async () => writeFile(file('checkpoint.json'), '{"format'),
      /checkpoint\.json: expected JSON, got '\{"format'.*start afresh/,
    ],
    [
      'another file',
      async () => writeFile(file('checkpoint.json'), '{"format":"zip"}'),
      /expected format 'mixerzoo-checkpoint', got "zip"/,
    ],
    [
      'a later version',
      async () => writeFile(file('checkpoint.json'), '{"format":"mixerzoo-checkpoint","version":7}'),
      /expected version 2, got 7\. Use the release that wrote it/,
    ],
    [
      'an earlier version',
      async () => writeFile(file('checkpoint.json'), '{"format":"mixerzoo-checkpoint","version":1,"step":1}'),
      /expected version 2, got 1\. Use the release that wrote it, or delete .* to start afresh/,
    ],
    [
      'a sidecar with another number',
      async () => rewrite((text) => text.replace('"step": 1', '"step": 3')),
      /checkpoint\.json: expected content of sha256 "[0-9a-f]{64}", got [0-9a-f]{64}\. It was damaged or changed/,
    ],
    [
      'a sidecar of nested lists without end',
      async () => writeFile(file('checkpoint.json'), `{"sidecar":${'['.repeat(1e5)}${']'.repeat(1e5)}}`),
      /checkpoint\.json: expected JSON, got '\{"sidecar":\[/,
    ],
    [
      'null',
      async () => writeFile(file('checkpoint.json'), 'null'),
      /expected format 'mixerzoo-checkpoint', got undefined/,
    ],
    [
      "another checkpoint's tensors",
      async () => {
        await writeCheckpoint(file('other'), content(2));
        await copyFile(file('other/model.safetensors'), file('model.safetensors'));
      },
      /model\.safetensors: expected sha256 [0-9a-f]{64}, got [0-9a-f]{64}\. Delete/,
    ],
    [
      'missing tensors',
      async () => rm(file('model.safetensors')),
      /model\.safetensors: expected sha256 [0-9a-f]{64}, got no such file/,
    ],
    [
      'tensors cut short',
      async () => writeFile(file('model.safetensors'), (await readFile(file('model.safetensors'))).subarray(0, -1)),
      /model\.safetensors: expected sha256 [0-9a-f]{64}, got [0-9a-f]{64}\. Delete/,
    ],
  ])('refuse %s', async (_, damage, message) => {
    await writeCheckpoint(directory, content(1));
    await damage();
    const reading = readCheckpoint(directory);
    await expect(reading).rejects.toThrow(CheckpointError);
    await expect(reading).rejects.toThrow(message);
  });

  it('may be laid out anew: the checksum is of what the sidecar says', async () => {
    await writeCheckpoint(directory, content(1));
    await rewrite((text) => JSON.stringify(JSON.parse(text)));
    expect(await readCheckpoint(directory)).toEqual(content(1));
  });

  it('keep any name in the sidecar apart from their own', async () => {
    const sidecar = { format: 'x', version: 9, sha256: 'y', tensors: null };
    await writeCheckpoint(directory, { ...content(1), sidecar });
    expect((await readCheckpoint(directory)).sidecar).toEqual(sidecar);
  });

  it('are read by the schema of their writer', async () => {
    await writeCheckpoint(directory, content(1));
    expect((await readCheckpoint(directory, z.object({ step: z.number() }))).sidecar.step).toBe(1);
    const reading = readCheckpoint(directory, z.object({ step: z.string() }));
    await expect(reading).rejects.toThrow(CheckpointError);
    await expect(reading).rejects.toThrow(/checkpoint\.json: step: expected string, got 1\. Delete .* to start afresh/);
  });

  it('are the one that was written or refused, whatever byte is damaged', async () => {
    await writeCheckpoint(directory, content(1));
    const names = ['checkpoint.json', 'model.safetensors'];
    const sound = new Map(await Promise.all(names.map(async (name) => [name, await readFile(file(name))] as const)));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true }), fc.nat({ max: 255 })), { minLength: 1 }),
        fc.option(fc.double({ min: 0, max: 1 })),
        async (name, changes, cut) => {
          const bytes = Buffer.from(sound.get(name) as Buffer);
          for (const [at, value] of changes) bytes[Math.floor(at * bytes.length)] = value;
          await writeFile(file(name), cut === null ? bytes : bytes.subarray(0, Math.floor(cut * bytes.length)));
          const read = await readCheckpoint(directory).catch((error: unknown) => error);
          if (!(read instanceof CheckpointError)) expect(read).toEqual(content(1));
          await writeFile(file(name), sound.get(name) as Buffer);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are not taken for missing where that cannot be told', async () => {
    const loop = file('loop');
    await writeCheckpoint(directory, content(1));
    await symlink(loop, loop);
    await expect(hasCheckpoint(loop)).rejects.toThrow(/checkpoint\.json: expected to read it, got ELOOP/);
    expect(await hasCheckpoint(file('model.safetensors'))).toBe(false);
  });

  it('refuse a directory they cannot make, and leave what is there', async () => {
    await writeCheckpoint(directory, content(1));
    await writeFile(file('plain'), 'a file');
    await expect(writeCheckpoint(file('plain'), content(2))).rejects.toThrow(
      /plain: expected to write it, got (EEXIST|ENOTDIR)/,
    );
    expect(await readCheckpoint(directory)).toEqual(content(1));
  });

  it('refuse a directory they may not write to', async (ctx) => {
    if (process.getuid?.() === 0) return ctx.skip('permissions do not bind root');
    await writeCheckpoint(directory, content(1));
    await chmod(directory, 0o500);
    await expect(writeCheckpoint(directory, content(2))).rejects.toThrow(/got EACCES\. Choose a directory/);
    await chmod(directory, 0o700);
    expect(await readCheckpoint(directory)).toEqual(content(1));
  });
});
