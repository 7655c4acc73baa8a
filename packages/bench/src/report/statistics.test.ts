import { createRng, type Rng } from '@mixerzoo/core';
import { countCopies } from '@mixerzoo/core/harness';
import { describe, expect, test } from 'vitest';
import { countAnswers } from '../runs/answers.js';
import { accuracyEstimate, compareAccuracies, meanAccuracy, wilson } from './statistics.js';

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

describe('intervals where examples repeat', () => {
  const TRUTH = 0.6;
  const LABELS = 2;
  const EXAMPLES = 512;

  /** A model that answers each label of `different` examples right with probability TRUTH; they are drawn by `draw`. */
  function test512(rng: Rng, different: number, draw: (rng: Rng) => number) {
    const right = Array.from(
      { length: different },
      () => Number(rng.uniform() < TRUTH) + Number(rng.uniform() < TRUTH),
    );
    const answers = () => {
      const drawn = Int32Array.from({ length: EXAMPLES }, () => draw(rng));
      const copies = countCopies({ count: EXAMPLES, seqLen: 1, inputs: drawn, labels: drawn });
      const correct = drawn.map((example) => right[example]!);
      return countAnswers(correct, new Int32Array(EXAMPLES).fill(LABELS), copies);
    };
    return answers;
  }

  /** How many of 100 intervals hold the truth, of 400 that are made. */
  function held(interval: (rng: Rng) => { low: number | null; high: number | null }, truth: number): number {
    const rng = createRng(7);
    const holding = Array.from({ length: 400 }, () => interval(rng)).filter(
      ({ low, high }) => low! <= truth && truth <= high!,
    ).length;
    return holding / 4;
  }

  const evenly = (different: number) => (rng: Rng) => rng.integer(different);
  const unevenly = (different: number) => (rng: Rng) =>
    Math.min(different - 1, Math.floor(-8 * Math.log(1 - rng.uniform())));

  test.each([
    ['nearly all differ', 5000, evenly],
    ['600 are possible', 600, evenly],
    ['20 differ', 20, evenly],
    ['20 differ, some much rarer', 20, unevenly],
  ])('hold the truth 95 times of 100 where %s', (_, different, draw) => {
    const { distinct, effective } = test512(createRng(1), different, draw(different))().repeats!;
    expect(distinct).toBeLessThanOrEqual(different);
    expect(effective).toBeLessThanOrEqual(distinct);
    const share = held((rng) => accuracyEstimate(test512(rng, different, draw(different))()), TRUTH);
    expect(share).toBeGreaterThan(92);
    expect(share).toBeLessThan(99);
  });

  test('do not shrink with seeds that draw the same few examples', () => {
    const share = held((rng) => {
      const answers = test512(rng, 20, evenly(20));
      return meanAccuracy([answers(), answers(), answers(), answers()]);
    }, TRUTH);
    expect(share).toBeGreaterThan(92);
    expect(share).toBeLessThan(99);
  });

  test('of differences between models hold no difference as often', () => {
    const share = held((rng) => {
      const [a, b] = [test512(rng, 20, evenly(20)), test512(rng, 20, evenly(20))];
      return compareAccuracies([a()], [b()]);
    }, 0);
    expect(share).toBeGreaterThan(92);
    expect(share).toBeLessThan(99);
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
