import { describeMixer } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { gla } from './gla.js';

// The RMSNorm of a small o is strongly curved: finer steps for the central differences.
const differenceStep = 5e-4;

describeMixer('gla, two heads', () => gla({ dModel: 16, nHeads: 2 }), {
  lengths: [1, 7, 15, 16, 17, 63, 65, 130],
  differenceStep,
});
describeMixer('gla, filters', () => gla({ dModel: 12, nHeads: 2, filters: 'perHead', filterWidth: 4 }), {
  lengths: [1, 17],
  differenceStep: 2e-4,
  matMulShare: 0.8,
});
describeMixer(
  'gla, three heads of odd width, fast decay',
  () => gla({ dModel: 15, nHeads: 3, expandK: 1, expandV: 2, gateLowRank: 4, gateLogitNormalizer: 1 }),
  { differenceStep },
);

describe('gla config', () => {
  it('says which widths the heads do not divide', () => {
    expect(() => gla({ dModel: 20, nHeads: 4 })).toThrow(
      /nHeads to divide expandK dModel and expandV dModel, got 4, 10 and 20/,
    );
    expect(() => gla({ dModel: 6, nHeads: 1, expandK: 0.25 })).toThrow(/got 1, 1.5 and 6/);
  });

  it.each([
    [1, 1, 1],
    [5, 1, 2],
    [7, 1, 3],
    [12, 3, 6],
    [50, 1, 25],
    [64, 4, 32],
    [66, 3, 33],
    [100, 2, 50],
  ])('fits a width of %i by default: %i heads, %i columns of keys', (dModel, nHeads, keys) => {
    const { config, stateSize } = gla({ dModel });
    expect(config).toMatchObject({ nHeads, expandK: keys / dModel, expandV: 1 });
    expect(stateSize(1)).toBe((keys * dModel) / nHeads);
    expect(gla(config as never).config).toEqual(config);
  });

  it('takes a ratio of widths that is whole up to rounding', () => {
    expect(gla({ dModel: 100, nHeads: 1, expandK: 0.29 }).stateSize(1)).toBe(29 * 100);
  });
});
