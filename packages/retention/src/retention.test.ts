import { tf, useEngine } from '@mixerzoo/core';
import { describeMixer, expectClose, reducedOnSoftware, stepThrough, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { retention } from './retention.js';

// The RMSNorm of a small o is strongly curved: finer steps for the central differences.
const differenceStep = 5e-4;

describeMixer('retention, two heads', () => retention({ dModel: 16, nHeads: 2 }), {
  lengths: [1, 7, 63, 64, 65, 130],
  differenceStep,
});
describeMixer(
  'retention, filters',
  () => retention({ dModel: 12, nHeads: 2, layout: 'torchscale', filters: 'perChannel', filterActivation: 'silu' }),
  { lengths: [1, 65], differenceStep, matMulShare: 0.8 },
);
describeMixer(
  'retention, three heads of odd width, no rotation',
  () => retention({ dModel: 9, nHeads: 3, headDim: 5, expandV: 1, positional: 'none' }),
  { differenceStep, idleOptions: { ropeBase: 'nothing is rotated' } },
);
describeMixer("retention, torchscale's layout", () => retention({ dModel: 12, nHeads: 2, layout: 'torchscale' }), {
  differenceStep,
});

describe('retention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.each([
    [2, 1, 2],
    [7, 1, 7],
    [8, 4, 2],
    [12, 2, 6],
    [64, 8, 8],
  ])('fits a width of %i by default: %i heads of %i columns', (dModel, nHeads, headK) => {
    const { config, stateSize } = retention({ dModel });
    expect(config).toMatchObject({ nHeads });
    expect(stateSize(1)).toBe(nHeads * headK * 2 * headK);
    expect(retention(config as never).config).toEqual(config);
  });

  it('is put together at any width, without the tables of its rotation', () => {
    expect(retention({ dModel: 16, headDim: 2 ** 28 }).config).toMatchObject({ headDim: 2 ** 28 });
  });

  it('computes the same by step and by apply over 2,000 tokens', async (context) => {
    const length = await reducedOnSoftware(context, 'tokens stepped through', 2000, 200);
    for (const layout of ['fla', 'torchscale'] as const) {
      const mixer = retention({ dModel: 8, nHeads: 2, layout });
      const params = mixer.init(1);
      const x = testTensor<tf.Rank.R3>([1, length, 8], 3);
      const parallel = tf.tidy(() => mixer.apply(params, x));
      const { y } = stepThrough(mixer, params, x);
      await expectClose(y, parallel, 5e-5, `${layout}: step against apply`);
    }
  });

  it("turns torchscale's pairs as fla's halves, at its own angles", async () => {
    // Heads of 4 columns: torchscale's angles are 1 and base^-1, those of fla with base^2 are the same.
    const [pairs, halves] = [
      retention({ dModel: 8, nHeads: 2, layout: 'torchscale', ropeBase: 100 }),
      retention({ dModel: 8, nHeads: 2, ropeBase: 10_000 }),
    ];
    const params = halves.init(1);
    const columns = tf.tensor1d([0, 2, 1, 3, 4, 6, 5, 7], 'int32');
    const reordered = ({ weight }: { weight: tf.Tensor2D }) => ({
      weight: tf.gather(weight, columns, 1) as tf.Tensor2D,
    });
    const { gNorm, ...rest } = params;
    const other = { ...rest, qProj: reordered(params.qProj), kProj: reordered(params.kProj) };
    const x = testTensor<tf.Rank.R3>([1, 20, 8], 3);
    await expectClose(pairs.apply(other, x), halves.apply(params, x), 1e-5, 'torchscale against fla');
    tf.dispose([gNorm?.weight]);
  });

  it('refuses what does not fit', () => {
    expect(() => retention({ dModel: 10, nHeads: 3 })).toThrow(/divisor of dModel 10, got 3/);
    expect(() => retention({ dModel: 8, nHeads: 8 })).toThrow(/at least 2 columns to rotate, got 1.*positional 'none'/);
    expect(() => retention({ dModel: 9, nHeads: 3, layout: 'torchscale' })).toThrow(/an even number of columns/);
    expect(() => retention({ dModel: 8, nHeads: 2, expandV: 0.3 })).toThrow(/whole number of columns.*got 0.3 times 4/);
    expect(() => retention({ dModel: 8, positional: 'none', ropeBase: 5 })).toThrow(/ropeBase: expected none/);
  });
});
