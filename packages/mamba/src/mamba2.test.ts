import { describeMixer } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { mamba2 } from './mamba2.js';

const matMulShare = 0.4;
/** The gated norm is strongly curved where its input is small. */
const differenceStep = 1e-3;
const idleOptions = { chunkSize: 'how the work is divided; the kernel for wasm goes token by token' };

describeMixer('mamba2', () => mamba2({ dModel: 16, dState: 16, headDim: 8, chunkSize: 16 }), {
  lengths: [1, 7, 16, 17, 63],
  matMulShare,
  differenceStep,
  idleOptions,
});
describeMixer(
  'mamba2, 2 groups, odd widths',
  () => mamba2({ dModel: 10, dState: 5, dConv: 3, headDim: 5, nGroups: 2, chunkSize: 6 }),
  {
    lengths: [1, 7, 13],
    matMulShare,
    differenceStep,
    idleOptions,
  },
);
describeMixer(
  'mamba2, limited steps, norm before the gate',
  () => mamba2({ dModel: 8, dState: 6, headDim: 4, dtLimit: { min: 0.02, max: 0.05 }, normBeforeGate: true }),
  { matMulShare, differenceStep, idleOptions },
);
describeMixer('mamba2, W = 1, one head', () => mamba2({ dModel: 8, dState: 8, dConv: 1 }), {
  lengths: [7, 65],
  matMulShare,
  idleOptions,
});

describe('mamba2', () => {
  it.each([
    [16, 1, 32],
    [48, 1, 48],
    [50, 1, 50],
    [64, 1, 64],
    [66, 1, 44],
    [100, 1, 50],
    [64, 4, 32],
  ])('has heads that fit a width of %i and %i groups: %i columns', (dModel, nGroups, headDim) => {
    const chosen = mamba2({ dModel, dState: 4, nGroups });
    expect(chosen.init(1).dtBias.shape).toEqual([(2 * dModel) / headDim]);
  });

  it('refuses heads that do not divide the inner width, and groups that do not divide the heads', () => {
    expect(() => mamba2({ dModel: 10, headDim: 8 })).toThrow(/headDim that divides expand dModel = 20, got 8/);
    expect(() => mamba2({ dModel: 16, headDim: 8, nGroups: 3 })).toThrow(/divide the 4 heads, got 3/);
    expect(() => mamba2({ dModel: 16, nGroups: 3 })).toThrow(
      /nGroups to divide the 32 heads, got 3\. Choose a divisor of 32/,
    );
    expect(() => mamba2({ dModel: 4, expand: 0.1 })).toThrow(/inner width of at least 1, got 0\.1 of 4 columns/);
  });
});
