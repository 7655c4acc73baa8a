import { tf, useEngine } from '@mixerzoo/core';
import { describeOp, expectClose, gradientsOf, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { longConvolution, longConvolutionOp } from './index.js';

const METHODS = ['direct', 'fft'] as const;
type Method = (typeof METHODS)[number];

const inputs = (batch: number, length: number, width: number) => ({
  x: testTensor<tf.Rank.R3>([batch, length, width], 1),
  filter: testTensor<tf.Rank.R2>([length, width], 2),
});
const sizes = (method: Method, batch: number, length: number, width: number) => ({
  name: `${method}, [${batch}, ${length}, ${width}]`,
  inputs: () => inputs(batch, length, width),
  attrs: { method },
});

describeOp(
  longConvolutionOp,
  METHODS.flatMap((method) => [
    sizes(method, 2, 1, 3),
    sizes(method, 1, 2, 8),
    sizes(method, 2, 3, 9),
    sizes(method, 3, 7, 5),
    sizes(method, 1, 8, 1),
    sizes(method, 2, 17, 16),
    sizes(method, 3, 63, 7),
    sizes(method, 2, 65, 12),
    sizes(method, 1, 257, 10),
  ]),
);

describe('longConvolution', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.each(METHODS)('equals sums in double precision, and so do its gradients: %s', async (method) => {
    const [batch, length, width] = [2, 301, 3];
    const { x, filter } = inputs(batch, length, width);
    const dY = testTensor<tf.Rank.R3>(x.shape, 3);
    const [xs, taps, slopes] = [await x.data(), await filter.data(), await dY.data()];
    const expected = {
      y: new Float64Array(x.size),
      x: new Float64Array(x.size),
      filter: new Float64Array(filter.size),
    };
    for (let b = 0; b < batch; b += 1) {
      for (let t = 0; t < length; t += 1) {
        for (let s = 0; s <= t; s += 1) {
          for (let c = 0; c < width; c += 1) {
            const [to, from] = [(b * length + t) * width + c, (b * length + s) * width + c];
            const tap = (t - s) * width + c;
            const [input, weight, slope] = [xs[from], taps[tap], slopes[to]] as [number, number, number];
            add(expected.y, to, input * weight);
            add(expected.x, from, slope * weight);
            add(expected.filter, tap, slope * input);
          }
        }
      }
    }
    const y = longConvolution(x, filter, { method });
    const [dX, dFilter] = gradientsOf(
      ([at, tapsAt]) =>
        longConvolution(at as tf.Tensor3D, tapsAt as tf.Tensor2D, { method })
          .mul(dY)
          .sum(),
      [x, filter],
    ) as [tf.Tensor, tf.Tensor];
    await expectClose(y, { shape: x.shape, data: expected.y }, 2e-6, 'y');
    await expectClose(dX, { shape: x.shape, data: expected.x }, 2e-6, 'dX');
    await expectClose(dFilter, { shape: filter.shape, data: expected.filter }, 2e-6, 'dFilter');
    tf.dispose([x, filter, dY, y, dX, dFilter]);
  });

  it.each([159, 160, 257, 1000, 2048])('computes the same by either method at length %i', async (length) => {
    const { x, filter } = inputs(1, length, 9);
    const [direct, fft, chosen] = [
      longConvolution(x, filter, { method: 'direct' }),
      longConvolution(x, filter, { method: 'fft' }),
      longConvolution(x, filter),
    ] as const;
    await expectClose(fft, direct, 5e-6);
    await expectClose(chosen, direct, 5e-6);
    tf.dispose([x, filter, direct, fft, chosen]);
  });

  it('gives an impulse the filter, and delays nothing round the end', async () => {
    const filter = testTensor<tf.Rank.R2>([40, 2], 2);
    const impulse = tf.buffer([1, 40, 2]);
    for (const column of [0, 1]) impulse.set(1, 0, 3, column);
    const x = impulse.toTensor() as tf.Tensor3D;
    const y = longConvolution(x, filter, { method: 'fft' });
    const expected = tf.tidy(() =>
      tf
        .pad(filter.slice([0, 0], [37, -1]), [
          [3, 0],
          [0, 0],
        ])
        .expandDims(0),
    );
    await expectClose(y, expected, 1e-6);
    tf.dispose([filter, x, y, expected]);
  });

  it('refuses what does not fit', () => {
    tf.tidy(() => {
      const { x } = inputs(1, 5, 2);
      expect(() => longConvolution(x, tf.zeros([4, 2]))).toThrow('got [1, 5, 2] and [4, 2]. Cut the filter');
      expect(() => longConvolution(x, tf.zeros([5, 1]))).toThrow('filter [L, d]');
      expect(() => longConvolution(x, tf.zeros([1, 5, 2]) as never)).toThrow('filter [L, d]');
    });
  });
});

function add(to: Float64Array, at: number, value: number): void {
  to[at] = (to[at] as number) + value;
}
