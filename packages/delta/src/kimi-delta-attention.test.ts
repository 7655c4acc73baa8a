import { tf, useEngine } from '@mixerzoo/core';
import { describeMixer, expectClose, testTensor } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { logDecay } from './decay.js';
import { kimiDeltaAttention } from './kimi-delta-attention.js';

// Fresh queries and keys are small, and their norm is curved there. In the reference form pairs of rows are no matrix products.
const options = { lengths: [1, 7, 16, 33], differenceStep: 1e-3, matMulShare: 0.6 };

describeMixer('kimiDeltaAttention', () => kimiDeltaAttention({ dModel: 16, nHeads: 2 }), options);
describeMixer(
  'kimiDeltaAttention, bounded decays, odd widths, no filters',
  () =>
    kimiDeltaAttention({
      dModel: 9,
      nHeads: 3,
      expandV: 2,
      gateLowRank: 2,
      lowerBound: -5,
      filters: 'none',
      allowNegEigval: true,
    }),
  options,
);

describe('kimiDeltaAttention', () => {
  it('has sizes that fit any width, and those of the paper at its width', () => {
    const sizes = (dModel: number) => {
      const { nHeads, headDim } = kimiDeltaAttention({ dModel }).config;
      return [nHeads, headDim];
    };
    expect([2048, 64, 7].map(sizes)).toEqual([
      [16, 128],
      [4, 16],
      [1, 7],
    ]);
    expect(() => kimiDeltaAttention({ dModel: 8, nHeads: 3 })).toThrow('kimiDeltaAttention: expected whole widths');
  });

  it('decays by no more than e^lowerBound a token, by rates of exp(aLog) a head', async () => {
    await useEngine();
    const [aLog, dtBias] = [tf.tensor1d([0, 1]), tf.tensor1d([0.1, 0.2, 0.3, 0.4])];
    const x = testTensor<tf.Rank.R2>([5, 4], 1, 30);
    const [rows, biases] = [await x.data(), await dtBias.data()];
    const expected = (bound?: number) =>
      Array.from(rows, (value, at) => {
        const [raw, rate] = [value + (biases[at % 4] as number), at % 4 < 2 ? 1 : Math.E];
        if (bound === undefined) return -rate * (Math.max(raw, 0) + Math.log1p(Math.exp(-Math.abs(raw))));
        return bound / (1 + Math.exp(-rate * raw));
      });
    for (const lowerBound of [undefined, -5]) {
      const g = logDecay(x, { aLog, dtBias, lowerBound });
      await expectClose(g, { shape: [5, 4], data: expected(lowerBound) }, 1e-6, 'g');
    }
  });
});
