import { tf, useEngine } from '@mixerzoo/core';
import { describeMixer, expectClose, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { hyena } from './hyena.js';

const small = { dModel: 8, maxLength: 1100, filterHidden: 6 };
describeMixer('hyena', () => hyena(small), { matMulShare: 0.7 });
describeMixer(
  'hyena, more bands and another window',
  () => hyena({ ...small, dModel: 5, positionDim: 7, innerLayers: 1, modulationShift: 0.05, filterWidth: 1 }),
  { matMulShare: 0.7 },
);

describe('hyena', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('refuses more tokens than its filter is made for, in every form', () => {
    const mixer = hyena({ dModel: 4, maxLength: 3, filterHidden: 4 });
    const params = mixer.init(1);
    tf.tidy(() => {
      const message = 'expected at most maxLength = 3 tokens, got 4. Make the mixer with the longest length';
      expect(() => mixer.apply(params, tf.zeros([1, 4, 4]))).toThrow(`hyena.apply: ${message}`);
      expect(() => mixer.prefill(params, tf.zeros([1, 4, 4]))).toThrow(`hyena.prefill: ${message}`);
      const { state } = mixer.prefill(params, tf.zeros([1, 3, 4]));
      expect(() => mixer.step(params, tf.zeros([1, 4]), state)).toThrow(`hyena.step: ${message}`);
    });
    tf.dispose(params);
  });

  it('is another function for another maxLength', async () => {
    const [short, long] = [hyena({ ...small, maxLength: 16 }), hyena({ ...small, maxLength: 32 })];
    const params = short.init(1);
    const x = testTensor<tf.Rank.R3>([1, 16, 8]);
    const [a, b] = [short.apply(params, x), long.apply({ ...params }, x)];
    await expect(expectClose(a, b, 1e-2)).rejects.toThrow('expected an error');
    tf.dispose([params, x, a, b]);
  });

  it('refuses what makes no encoding of positions', () => {
    expect(() => hyena({ dModel: 4, positionDim: 4 })).toThrow('expected an odd number');
    expect(() => hyena({ dModel: 4, decayTarget: 1 })).toThrow('decayTarget');
  });
});
