/** `tf.matMul` on the wasm engine against sums in double precision: transposes, batches, broadcasts, odd sizes. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../../engines/index.js';
import { createRng } from '../../rng.js';
import * as tf from '../../tf.js';

const normal = (size: number, seed: number) => {
  const rng = createRng(seed);
  return Float32Array.from({ length: size }, () => rng.normal());
};

describe('matMul', () => {
  beforeAll(async () => {
    await useEngine();
  });

  const sizes = [
    [1, 1, 1],
    [7, 5, 3],
    [4, 8, 8],
    [63, 17, 9],
    [130, 300, 33],
    [257, 64, 20],
    [3, 520, 1030],
    [5, 1103, 7],
    [9, 6001, 3],
  ] as const;
  const transposes = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const;
  for (const [m, k, n] of sizes) {
    for (const [transposeA, transposeB] of transposes) {
      it(`[${m}, ${k}] x [${k}, ${n}], transposes ${transposeA}, ${transposeB}`, async () => {
        const [a, b] = [normal(m * k, 1), normal(k * n, 2)];
        const product = tf.matMul(
          tf.tensor2d(a, transposeA ? [k, m] : [m, k]),
          tf.tensor2d(b, transposeB ? [n, k] : [k, n]),
          transposeA,
          transposeB,
        );
        const actual = await product.data();
        let worst = 0;
        for (let i = 0; i < m; i += 1) {
          for (let j = 0; j < n; j += 1) {
            let sum = 0;
            for (let p = 0; p < k; p += 1) {
              sum +=
                (a[transposeA ? p * m + i : i * k + p] as number) * (b[transposeB ? j * k + p : p * n + j] as number);
            }
            worst = Math.max(worst, Math.abs(sum - (actual[i * n + j] as number)));
          }
        }
        expect(worst).toBeLessThan(1e-6 * Math.sqrt(k) * 20);
      });
    }
  }

  it.each([
    [
      [2, 3, 4, 5],
      [2, 3, 5, 6],
    ],
    [
      [2, 3, 4, 5],
      [5, 6],
    ],
    [
      [4, 5],
      [3, 5, 6],
    ],
    [
      [2, 1, 4, 5],
      [3, 5, 6],
    ],
    [
      [40, 9, 5],
      [40, 5, 6],
    ],
    [
      [300, 2, 5],
      [5, 6],
    ],
  ])('batches %j x %j', async (aShape, bShape) => {
    const a = tf.tensor(normal(tf.util.sizeFromShape(aShape), 1), aShape);
    const b = tf.tensor(normal(tf.util.sizeFromShape(bShape), 2), bShape);
    const expected = a.expandDims(-1).mul(b.expandDims(-3)).sum(-2);
    const actual = tf.matMul(a, b);
    expect(actual.shape).toEqual(expected.shape);
    expect(await actual.sub(expected).abs().max().data()).toSatisfy(([worst]) => worst < 1e-5);
  });
});
