import { tf, useEngine } from '@mixerzoo/core';
import { describeMixer } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { gatedDeltaNet } from './gated-delta-net.js';

// Fresh queries and keys are small, and their norm is curved there.
const options = { lengths: [1, 7, 16, 33], differenceStep: 1e-3, matMulShare: 0.8 };

describeMixer('gatedDeltaNet', () => gatedDeltaNet({ dModel: 16, nHeads: 2 }), options);
describeMixer(
  'gatedDeltaNet, odd widths, no filters, no output gate',
  () =>
    gatedDeltaNet({
      dModel: 9,
      nHeads: 3,
      headDim: 5,
      expandV: 1,
      filters: 'none',
      allowNegEigval: true,
      useGate: false,
    }),
  { ...options, differenceStep: 3e-4 },
);

describe('gatedDeltaNet', () => {
  it('has sizes that fit any width, and those of the paper at its width', () => {
    const sizes = (dModel: number) => {
      const { nHeads, headDim, expandV } = gatedDeltaNet({ dModel }).config;
      return [nHeads, headDim, expandV];
    };
    expect([2048, 64, 7, 1].map(sizes)).toEqual([
      [6, 256, 2],
      [3, 16, 2],
      [1, 5, 2],
      [1, 1, 2],
    ]);
    expect(gatedDeltaNet({ dModel: 100, nHeads: 2 }).config.headDim).toBe(38);
  });

  it('starts with rates to 16, and steps from 0.001 to 0.1', async () => {
    await useEngine();
    const { aLog, dtBias } = gatedDeltaNet({ dModel: 64, nHeads: 400, headDim: 1 }).init(3);
    const [rates, steps] = [await tf.exp(aLog).data(), await tf.softplus(dtBias).data()];
    expect(Math.min(...rates)).toBeGreaterThan(0);
    expect(Math.max(...rates)).toBeLessThanOrEqual(16.001);
    expect(rates.filter((rate) => rate < 8).length / 400).toBeCloseTo(0.5, 1);
    expect(Math.min(...steps)).toBeGreaterThan(0.00099);
    expect(Math.max(...steps)).toBeLessThan(0.1001);
    expect(steps.filter((step) => step < 0.01).length / 400).toBeCloseTo(0.5, 1);
  });
});
