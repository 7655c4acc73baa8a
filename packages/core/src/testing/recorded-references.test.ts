import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { useEngine } from '../engines/index.js';
import * as tf from '../tf.js';
import { againstReference, type RecordedTensor } from './recorded-references.js';

beforeAll(async () => {
  await useEngine();
});

describe('reference forms', () => {
  let folder: string;
  const tensors = () => [tf.tensor2d([[1, 2.5, -3]]), tf.tensor1d([7], 'int32')];
  const numbers = [
    { shape: [1, 3], data: new Float32Array([1, 2.5, -3]) },
    { shape: [1], data: new Int32Array([7]) },
  ];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mixerzoo-references-'));
    vi.stubEnv('MIXERZOO_RECORD_REFERENCES', folder);
    vi.stubEnv('MIXERZOO_REFERENCES', undefined);
  });

  const check = async (expected: readonly RecordedTensor[]) => expect(expected).toEqual(numbers);

  it('are left for another run, which computes nothing', async () => {
    const before = tf.memory().numTensors;
    await againstReference(tensors, check);
    expect(tf.memory().numTensors).toBe(before);
    vi.stubEnv('MIXERZOO_REFERENCES', folder);
    const compute = vi.fn(tensors);
    await againstReference(compute, check);
    expect(compute).not.toHaveBeenCalled();
  });

  it('are computed where nothing was recorded, for this test or for any', async () => {
    vi.stubEnv('MIXERZOO_RECORD_REFERENCES', undefined);
    for (const given of [folder, undefined]) {
      vi.stubEnv('MIXERZOO_REFERENCES', given);
      const compute = vi.fn(tensors);
      await againstReference(compute, check);
      expect(compute).toHaveBeenCalledOnce();
    }
  });

  it('are computed where the record is not met, and throw what is not met then', async () => {
    await againstReference(
      () => [tf.scalar(5)],
      async () => undefined,
    );
    vi.stubEnv('MIXERZOO_RECORD_REFERENCES', undefined);
    vi.stubEnv('MIXERZOO_REFERENCES', folder);
    const compute = vi.fn(tensors);
    await againstReference(compute, check);
    expect(compute).toHaveBeenCalledOnce();
    await expect(againstReference(() => [tf.scalar(5)], check)).rejects.toThrow();
  });
});
