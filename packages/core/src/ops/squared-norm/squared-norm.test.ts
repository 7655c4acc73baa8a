import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../../engines/index.js';
import { describeOp, testTensor } from '../../testing/index.js';
import * as tf from '../../tf.js';
import { squaredNorm, squaredNormOp } from './index.js';

describeOp(
  squaredNormOp,
  [[1], [7], [8, 3], [4096], [3, 4099]].map((shape) => ({
    name: shape.join(' x '),
    inputs: () => ({ x: testTensor(shape as [number]) }),
    attrs: {},
  })),
);

describe('squaredNorm', () => {
  beforeAll(async () => {
    await useEngine();
  });

  const normOf = async (x: tf.Tensor) => (await squaredNorm(x).data())[0];

  it('counts every element once, in any shape', async () => {
    expect(await normOf(tf.ones([5, 3001]))).toBe(15005);
    expect(await normOf(tf.scalar(-3))).toBe(9);
    expect(await normOf(tf.tensor([], [0]))).toBe(0);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e30])('shows a %s wherever it stands', async (value) => {
    for (const at of [0, 4095, 4096, 8200]) {
      const values = new Float32Array(8201);
      values[at] = value;
      expect(Number.isFinite(await normOf(tf.tensor(values)))).toBe(false);
    }
  });
});
