import { describeMixer } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { deltaNet } from './delta-net.js';

// Fresh queries and keys are small, and their norm is curved there.
const options = { lengths: [1, 7, 16, 33], differenceStep: 1e-3, matMulShare: 0.8 };

describeMixer('deltaNet', () => deltaNet({ dModel: 16, nHeads: 2 }), options);
describeMixer('deltaNet, residual filters', () => deltaNet({ dModel: 16, nHeads: 2, filterResidual: true }), {
  ...options,
  differenceStep: 3e-4,
});
describeMixer(
  'deltaNet, wide values, no filters',
  () => deltaNet({ dModel: 8, nHeads: 1, headDim: 6, expandV: 1.5, filters: 'none', allowNegEigval: true }),
  options,
);

describe('deltaNet', () => {
  it('refuses heads without whole widths', () => {
    expect(() => deltaNet({ dModel: 8, nHeads: 3 })).toThrow('deltaNet: expected whole widths of heads, got 2.6666');
    expect(() => deltaNet({ dModel: 8, nHeads: 2, expandV: 0.3 })).toThrow('got 4 of keys and 1.2 of values');
  });

  it('has four heads, or the most below that divide the width', () => {
    expect([64, 9, 7].map((dModel) => deltaNet({ dModel }).config.nHeads)).toEqual([4, 3, 1]);
  });
});
