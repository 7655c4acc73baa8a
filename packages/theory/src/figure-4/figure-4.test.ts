import { createRng } from '@mixerzoo/core/rng';
import { describe, expect, it } from 'vitest';
import { chiSquaredTail, noncentralTail } from '../math/chi-squared.js';
import { normalCdf, normalDensity, wilsonInterval } from '../math/normal.js';
import { meanUnder, solveIncreasing } from '../math/numerical.js';
import { normalVector } from '../math/random.js';
import { type Context, successOfAll, successOfOne, sufficientWidth, widthForSuccess } from './block-sums.js';
import { drawSmoothedWidth, drawSmoothedWidths, sufficientSmoothedWidth } from './exponential-smoothing.js';
import { figure4 } from './index.js';
import { simulateRecall } from './simulation.js';

/** A simulated share is in its 99.9 % interval. */
function expectShare(successes: number, trials: number, probability: number) {
  const { low, high } = wilsonInterval(successes, trials, 3.29);
  expect(probability).toBeGreaterThan(low);
  expect(probability).toBeLessThan(high);
}

describe('chi-squared tails', () => {
  // Values of scipy.stats.chi2 and ncx2.
  it.each([
    [3, 1, 0, 0.08326451666355042],
    [60, 5, 0, 1.2154569777183007e-11],
    [70, 20, 0, 1.8213700395721025e-7],
    [700, 20, 0, 2.2134053404244967e-135],
    [60, 5, 7.5, 2.209413277056344e-6],
    [120, 20, 30, 9.4169347456753e-6],
  ])('P(chi^2 > %d), %d degrees, shifted by %d', (x, dimension, shift, tail) => {
    expect(noncentralTail(x, dimension, shift) / tail).toBeCloseTo(1, 9);
    if (shift === 0) expect(chiSquaredTail(x, dimension)).toBe(noncentralTail(x, dimension, 0));
  });

  it('agree with the normal distribution, shifted too', () => {
    for (const [x, shift] of [
      [9, 0],
      [9, 4],
      [40, 9],
    ] as const) {
      const m = Math.sqrt(shift);
      const tail = normalCdf(m - Math.sqrt(x)) + normalCdf(-m - Math.sqrt(x));
      expect(noncentralTail(x, 1, shift) / tail).toBeCloseTo(1, 9);
    }
  });

  it.each([5, 20])('agree with draws in %d dimensions', (dimension) => {
    const rng = createRng(1);
    const trials = 20_000;
    const x = 1.6 * dimension + 4;
    let beyond = 0;
    for (let i = 0; i < trials; i++) {
      const g = normalVector(rng, dimension);
      g[0] = g[0]! + 2;
      if (g.reduce((sum, value) => sum + value * value, 0) > x) beyond++;
    }
    expectShare(beyond, trials, noncentralTail(x, dimension, 4));
  });
});

it('takes means and solves', () => {
  const range = { from: -9, to: 9 };
  expect(meanUnder(normalDensity, (u) => u ** 4, range)).toBeCloseTo(3, 10);
  expect(solveIncreasing((x) => x ** 3, 8, 50)).toBeCloseTo(2, 6);
});

describe('block sums', () => {
  const seqLen = 2 ** 20;

  // Computed apart from this code, for the definition of the figure.
  it.each([
    [10, 231, 193, 320],
    [32, 665, 546, 950],
    [100, 1852, 1490, 2702],
    [316, 5124, 4020, 7643],
    [1000, 13911, 10561, 21288],
  ])('B = %d: theory %d, half fail at %d, one in ten at %d', (blockSize, theory, half, tenth) => {
    const context = { seqLen, blockSize };
    for (const [width, expected] of [
      [sufficientWidth(context), theory],
      [widthForSuccess(0.5, context), half],
      [widthForSuccess(0.9, context), tenth],
    ] as const) {
      expect(Math.abs(width / expected - 1)).toBeLessThan(0.03);
    }
  });

  it('depend on d / sigma^2', () => {
    const context = { seqLen: 4096, blockSize: 16 };
    expect(successOfOne(600, { ...context, variance: 3 })).toBeCloseTo(successOfOne(200, context), 12);
    expect(sufficientWidth({ ...context, variance: 3 })).toBeCloseTo(3 * sufficientWidth(context), 9);
  });

  it('are as drawn, for one query', () => {
    const context = { seqLen: 2048, blockSize: 8 };
    const successes = [1, 2, 3, 4].map((seed) => simulateRecall(context, { width: 70, queries: 64, seed }));
    expectShare(
      successes.reduce((a, b) => a + b),
      256,
      successOfOne(70, context),
    );
  });

  it('are as drawn, for every query of a subspace', () => {
    const [blockSize, blocks, dimension, width, trials] = [8, 40, 3, 140, 1500];
    const rng = createRng(5);
    let successes = 0;
    for (let trial = 0; trial < trials; trial++) {
      const own = normalVector(rng, dimension).map((x) => x * Math.sqrt(blockSize - 1));
      let longest = 0;
      for (let i = 0; i < blocks - 2; i++) {
        const other = normalVector(rng, dimension).map((x, c) => x * Math.sqrt(blockSize) - own[c]!);
        longest = Math.max(
          longest,
          other.reduce((sum, x) => sum + x * x, 0),
        );
      }
      if (longest < width) successes++;
    }
    expectShare(successes, trials, successOfAll(width, dimension, { seqLen: blocks * blockSize, blockSize }));
  });
});

describe('exponential smoothing', () => {
  const context = { seqLen: 4096, blockSize: 16 };

  /** Every token drawn along the query, smoothed one by one: the definition, where the module takes steps of a block. */
  function tokenByToken({ seqLen, blockSize }: Context, width: number, seed: number): boolean {
    const rng = createRng(seed);
    const last = seqLen / blockSize - 1;
    const place = rng.integer(last * blockSize);
    let smoothed = 0;
    const landmarks: number[] = [];
    for (let t = 0; t < last * blockSize; t++) {
      smoothed = smoothed * Math.exp(-1 / blockSize) + (t === place ? 1 : rng.normal() / Math.sqrt(width));
      if (t % blockSize === blockSize - 1) landmarks.push(smoothed);
    }
    return landmarks.indexOf(Math.max(...landmarks)) === Math.floor(place / blockSize);
  }

  it.each([
    [16, 200, 500],
    [2, 14, 4000],
  ])('is as smoothed token by token, B = %d', (blockSize, width, trials) => {
    const at = { seqLen: 64 * blockSize, blockSize };
    let successes = 0;
    for (let seed = 0; seed < trials; seed++) if (tokenByToken(at, width, seed)) successes++;
    const widths = drawSmoothedWidths(at, 10_000, 1);
    const probability = widths.filter((least) => least <= width).length / widths.length;
    expect(probability).toBeGreaterThan(0.2);
    expect(probability).toBeLessThan(0.9);
    expectShare(successes, trials, probability);
  });

  it('needs a width in proportion to the variance, and less than Proposition 2 gives', () => {
    const one = drawSmoothedWidth(createRng(3), context);
    expect(drawSmoothedWidth(createRng(3), { ...context, variance: 2 })).toBeCloseTo(2 * one, 9);
    expect(drawSmoothedWidths(context, 200, 2).at(-1)).toBeLessThan(sufficientSmoothedWidth(context));
  });
});

it('draws the figure, the same from the same seed', () => {
  const sizes = {
    seed: 0,
    seqLen: 2 ** 14,
    blockSizes: [16, 64],
    dimensions: [5],
    draws: 50,
    simulated: { seqLen: 1024, queries: 32, points: [{ blockSize: 8, error: 0.5 }] },
  };
  const plots = figure4(sizes);
  expect(plots.map(({ series }) => series.length)).toEqual([4, 2, 2]);
  expect(figure4(sizes)).toEqual(plots);
  expect(figure4({ ...sizes, seed: 1 })).not.toEqual(plots);
});
