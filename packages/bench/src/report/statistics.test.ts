import { describe, expect, test } from 'vitest';
import { accuracyEstimate, meanAccuracy, wilson } from './statistics.js';

const independent = (p: number, labels: number) => Math.sqrt((p * (1 - p)) / labels);

describe('wilson', () => {
  test('agrees with worked values', () => {
    // R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
    const small = wilson(15 / 148, 148);
    expect(small.low).toBeCloseTo(0.0624, 4);
    expect(small.high).toBeCloseTo(0.1605, 4);
    const one = wilson(1 / 29, 29);
    expect(one.low).toBeCloseTo(0.0061, 4);
    expect(one.high).toBeCloseTo(0.1718, 4);
  });

  test('stays within [0, 1] and around the estimate', () => {
    for (const p of [0, 1]) {
      const { value, low, high } = wilson(p, 20);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      expect(low!).toBeLessThanOrEqual(value);
      expect(high!).toBeGreaterThanOrEqual(value);
      expect(high! - low!).toBeGreaterThan(0.1);
    }
  });
});

describe('accuracyEstimate', () => {
  const counts = { correct: 3200, total: 4000, examples: 250 };

  test('is Wilson over positions when these are independent', () => {
    const estimate = accuracyEstimate({ ...counts, exampleStd: independent(0.8, 16) });
    expect(estimate.low).toBeCloseTo(wilson(0.8, 4000).low!, 10);
  });

  test('is Wilson over examples when the positions of one are all right or all wrong', () => {
    const estimate = accuracyEstimate({ ...counts, exampleStd: independent(0.8, 1) });
    expect(estimate.low).toBeCloseTo(wilson(0.8, 250).low!, 10);
  });

  test('has no interval without labels', () => {
    expect(accuracyEstimate({ correct: 0, total: 0, examples: 0, exampleStd: 0 }).low).toBeNull();
  });
});

describe('meanAccuracy', () => {
  const seed = (accuracy: number) => ({
    seqLen: 64,
    correct: accuracy * 4000,
    total: 4000,
    accuracy,
    loss: 1,
    examples: 250,
    exampleStd: independent(accuracy, 16),
  });

  test('has the t interval of the mean', () => {
    const { value, low, high } = meanAccuracy([seed(0.7), seed(0.8), seed(0.9)]);
    expect(value).toBeCloseTo(0.8, 12);
    // t(0.975, 2) = 4.30265, standard error 0.1 / sqrt(3)
    expect(low).toBeCloseTo(0.8 - (4.30265 * 0.1) / Math.sqrt(3), 5);
    expect(high).toBe(1);
  });

  test('does not take agreeing seeds for certainty', () => {
    const { value, low, high } = meanAccuracy([seed(1), seed(1), seed(1)]);
    expect([value, high]).toEqual([1, 1]);
    expect(low).toBeCloseTo(wilson(1, 12_000).low!, 10);
  });
});
