import { tf, useEngine } from '@mixerzoo/core';
import { describeOp, expectClose, gradientsOf, testTensor } from '@mixerzoo/core/testing';
import { expect, it } from 'vitest';
import { logDecay, logDecayOp } from './index.js';

describeOp(logDecayOp, [
  { name: '[2, 3, 7]', inputs: () => ({ x: testTensor<tf.Rank>([2, 3, 7], 1, 3) }), attrs: { normalizer: 16 } },
  { name: '[1]', inputs: () => ({ x: testTensor<tf.Rank>([1]) }), attrs: { normalizer: 1 } },
]);

it('is exact where the gate saturates', async () => {
  await useEngine();
  const values = [-1e4, -200, -90, -20, -1, 0, 1, 20, 90, 1e4];
  const x = tf.tensor1d(values);
  const y = logDecay(x, 2);
  const [dX] = gradientsOf(([at]) => logDecay(at as tf.Tensor, 2).sum(), [x]) as [tf.Tensor];
  const exact = (value: number) => (Math.min(value, 0) - Math.log1p(Math.exp(-Math.abs(value)))) / 2;
  for (const [index, value] of (await y.data()).entries()) {
    const expected = exact(values[index] as number);
    expect(Math.abs(value - expected)).toBeLessThan(1e-12 + 1e-6 * Math.abs(expected));
  }
  const slopes = Float32Array.from(values, (value) => 0.5 / (1 + Math.exp(value)));
  await expectClose(dX, { shape: [values.length], data: slopes }, 1e-6, 'gradient');
  tf.dispose([x, y, dX]);
});
