import { describeMixer } from '@mixerzoo/core/testing';
import { describe, expect, it } from 'vitest';
import { h3 } from './h3.js';

describeMixer('h3', () => h3({ dModel: 8, dState: 6 }), { matMulShare: 0.4 });
describeMixer('h3, heads of three channels', () => h3({ dModel: 6, headDim: 3, dState: 4 }), { matMulShare: 0.4 });

describe('h3', () => {
  it('refuses heads that do not divide, and half a pair of states', () => {
    expect(() => h3({ dModel: 8, headDim: 3 })).toThrow('headDim: expected a divisor of dModel 8, got 3');
    expect(() => h3({ dModel: 8, dState: 5 })).toThrow('conjugate pairs');
  });
});
