import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../../engines/index.js';
import { randomNormal } from '../../random-tensors.js';
import { createRng } from '../../rng.js';
import { expectClose } from '../../testing/compare.js';
import * as tf from '../../tf.js';
import { inChunks } from './chunks.js';
import { referenceRows } from './reference.js';

const [D, V] = [6, 500];

function made(n: number) {
  const rng = createRng(4);
  return {
    hidden: randomNormal([n, D], 1, 1) as tf.Tensor2D,
    table: randomNormal([V, D], 1, 2) as tf.Tensor2D,
    labels: tf.tensor1d(
      Int32Array.from({ length: n }, () => rng.integer(V)),
      'int32',
    ),
  };
}

/** The most bytes of tensors that exist at a time, but for the gradient of the hidden states and the inputs. */
async function peakBytes(n: number, mostLogits: number): Promise<number> {
  const { peakBytes } = await tf.profile(() =>
    tf.tidy(() => void inChunks(referenceRows, made(n), { gradients: true }, mostLogits)),
  );
  return peakBytes;
}

describe('a chunk of rows at a time', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it.each([1, 3 * V, 3 * V + 1, 10 * V])('gives what all rows give, %i logits at a time', async (mostLogits) => {
    const inputs = made(10);
    for (const gradients of [true, false]) {
      const before = tf.memory().numTensors;
      const whole = referenceRows(inputs, { gradients }, 10);
      const parts = inChunks(referenceRows, inputs, { gradients }, mostLogits);
      for (const name of ['loss', 'correct', 'dHidden', 'dTable'] as const) {
        expect(parts[name].shape).toEqual(whole[name].shape);
        await expectClose(parts[name], whole[name], 1e-6);
      }
      expect(tf.memory().numTensors).toBeGreaterThan(before);
      tf.dispose([whole, parts]);
    }
    tf.dispose(inputs);
  });

  it('holds no more logits for more rows', async () => {
    const logits = 4 * 32 * V;
    const few = await peakBytes(32, 32 * V);
    const many = await peakBytes(256, 32 * V);
    expect(many - few).toBeLessThan(logits);
    expect(await peakBytes(256, 256 * V)).toBeGreaterThan(few + 7 * logits);
  });
});
