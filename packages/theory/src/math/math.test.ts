import { createRng } from '@mixerzoo/core';
import { describe, expect, it } from 'vitest';
import { logNormalCdf, normalCdf, normalQuantile, upperTail, wilsonInterval } from './normal.js';
import { distinctIntegers, orthonormalRows } from './random.js';
import { convolve, delayBy, delayed, dot, nearest, softmax } from './vectors.js';

const rows = [1, 10, 100].map((value) => Float64Array.of(value));
const flat = (filtered: readonly Float64Array[]) => filtered.map(([value]) => value);

describe('vectors', () => {
  it('filters along the sequence, back and ahead', () => {
    expect(flat(convolve(rows, delayBy(1)))).toEqual([0, 1, 10]);
    expect(flat(convolve(rows, delayBy(-1)))).toEqual([10, 100, 0]);
    expect(flat(convolve(rows, { from: 0, taps: [2, 3] }))).toEqual([2, 23, 230]);
    expect(flat(convolve(rows, delayed({ from: 0, taps: [2, 3] }, -1)))).toEqual([23, 230, 300]);
  });

  it('takes the softmax of logits that f32 cannot exponentiate', () => {
    expect([...softmax(Float64Array.of(5000, 5000, -5000))]).toEqual([0.5, 0.5, 0]);
  });

  it('finds the nearest row', () => {
    expect(nearest(rows, Float64Array.of(40))).toBe(1);
  });
});

describe('random', () => {
  it('draws orthonormal rows', () => {
    const basis = orthonormalRows(createRng(1), 6, 6);
    for (const [i, a] of basis.entries()) {
      for (const [j, b] of basis.entries()) expect(dot(a, b)).toBeCloseTo(i === j ? 1 : 0, 13);
    }
  });

  it('draws different numbers', () => {
    const drawn = distinctIntegers(createRng(1), 9, 9);
    expect(drawn.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(drawn).not.toEqual(drawn.toSorted());
  });
});

describe('normal', () => {
  // Values of scipy.stats.norm and mpmath.
  it.each([
    [0.5, 0.3085375387259869],
    [2.4, 0.008197535924596131],
    [2.6, 0.004661188023718751],
    [6, 9.865876450376946e-10],
    [10, 7.619853024160527e-24],
  ])('P(Z > %d) = %d', (x, tail) => {
    expect(upperTail(x) / tail).toBeCloseTo(1, 12);
    expect(normalCdf(-x) / tail).toBeCloseTo(1, 12);
    expect(logNormalCdf(-x)).toBeCloseTo(Math.log(tail), 10);
    expect(logNormalCdf(x) / Math.log1p(-tail)).toBeCloseTo(1, 12);
    expect(normalQuantile(tail)).toBeCloseTo(-x, 10);
  });

  it('knows logarithms of what is 0 in f64', () => {
    expect(logNormalCdf(-40)).toBeCloseTo(-804.608442, 5);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 10);
  });

  it('gives Wilson’s interval', () => {
    const { low, high } = wilsonInterval(8, 10);
    expect(low).toBeCloseTo(0.4902, 3);
    expect(high).toBeCloseTo(0.9433, 3);
  });
});
