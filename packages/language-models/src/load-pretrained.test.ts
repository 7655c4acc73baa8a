import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { disposeTree, readSafetensors, type StoredTensor, tf, useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadPretrained } from './load-pretrained.js';

const FIXTURES = new URL('./weights/__fixtures__/', import.meta.url);
const fixture = (name: string) => fileURLToPath(new URL(name, FIXTURES));

beforeAll(() => useEngine());

describe('loadPretrained', () => {
  it.each(['pythia-f16', 'neox-sequential-sharded', 'neox-yarn'])(
    'gives the logits of the reference: %s',
    async (name) => {
      const { model, params } = await loadPretrained(fixture(name));
      const { tensors } = readSafetensors(await readFile(`${fixture(name)}/expected.safetensors`));
      const { ids, logits } = Object.fromEntries(tensors) as { [Name in 'ids' | 'logits']: StoredTensor };
      const received = tf.tidy(() => {
        const tokens = tf.tensor2d(ids.data as Int32Array, ids.shape as [number, number], 'int32');
        return model.logits(params, model.hidden(params, tokens));
      });
      expect(received.shape).toEqual(logits.shape);
      const expected = logits.data as Float32Array;
      const worst = Math.max(
        ...(await received.data()).map((value, index) => Math.abs(value - (expected[index] as number))),
      );
      expect(worst / Math.max(...expected.map(Math.abs))).toBeLessThan(1e-5);
      received.dispose();
      disposeTree(params);
    },
  );
});
