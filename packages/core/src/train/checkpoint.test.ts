import { chmod, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.js';
import { hasCheckpoint, readCheckpoint, writeCheckpoint } from './checkpoint.js';

const content = (value: number) => ({
  tensors: new Map([['params.a', { shape: [2], data: Float32Array.of(value, -value) }]]),
  sidecar: { step: value },
});

describe('checkpoints', () => {
  let directory: string;
  const file = (name: string) => join(directory, name);

  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'mixerzoo-')), 'deep', 'checkpoint');
  });
  afterEach(async () => {
    await rm(join(directory, '..', '..'), { recursive: true, force: true });
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
      version: 1,
      step: 2,
      tensors: { file: 'model.safetensors' },
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
      /expected version 1, got 7\. Use the release that wrote it/,
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
