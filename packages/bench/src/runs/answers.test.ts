import type { EvaluationResult } from '@mixerzoo/core';
import { expect, it } from 'vitest';
import { countAnswers, countExact, lossInParts } from './answers.js';

const once = (count: number) => new Int32Array(count).fill(1);

it('counts right answers and their spread over examples, but for examples without a label', () => {
  // Shares 1/2, 1 and 0: mean 1/2, standard deviation 1/2.
  expect(countAnswers(Int32Array.of(1, 2, 0, 0), Int32Array.of(2, 2, 0, 2), once(4))).toEqual({
    correct: 3,
    total: 6,
    accuracy: 0.5,
    examples: 3,
    exampleStd: 0.5,
  });
  expect(countAnswers(Int32Array.of(1), Int32Array.of(4), once(1))).toMatchObject({ examples: 1, exampleStd: 0 });
});

it('counts examples that are right as a whole, none without a label', () => {
  expect(countExact(Int32Array.of(2, 1, 0, 1, 0), Int32Array.of(2, 2, 2, 1, 0))).toBe(2);
});

it('counts examples that repeat for what they are worth', () => {
  // Two different examples, each thrice: shares 1 and 0, whose standard deviation is sqrt(1/2).
  const even = countAnswers(Int32Array.of(1, 1, 1, 0, 0, 0), once(6), new Int32Array(6).fill(3));
  expect(even).toMatchObject({ correct: 3, total: 6, accuracy: 0.5, examples: 6, repeats: { distinct: 2 } });
  expect(even.repeats!.effective).toBeCloseTo(2, 12);
  expect(even.exampleStd).toBeCloseTo(Math.sqrt(1 / 2), 12);
  // One of them five times: 36 / 26 equal weights, as its answer is nearly all there is.
  const uneven = countAnswers(Int32Array.of(1, 1, 1, 1, 1, 0), once(6), Int32Array.of(5, 5, 5, 5, 5, 1));
  expect(uneven.repeats).toEqual({ distinct: 2, effective: 36 / 26 });
  const same = countAnswers(Int32Array.of(1, 1, 1), Int32Array.of(2, 2, 2), new Int32Array(3).fill(3));
  expect(same).toMatchObject({ exampleStd: 0, repeats: { distinct: 1, effective: 1 } });
});

it('tells of a loss along the test, in parts that hold the same text at every length', () => {
  const evaluated = (windows: readonly number[]) =>
    lossInParts({
      seqLen: 4,
      perPosition: [],
      perExampleLoss: Float64Array.from(windows, (loss) => 4 * loss),
      perExampleTotal: new Int32Array(windows.length).fill(4),
    } as unknown as EvaluationResult)!.byStretch;
  expect(evaluated([1, 2, 4])).toEqual([1, 2, 4]);
  const windows = Array.from({ length: 256 }, (_, index) => index);
  const halves = windows.filter((index) => index % 2 === 0).map((index) => index + 0.5);
  expect(evaluated(windows)).toHaveLength(64);
  expect(evaluated(windows)).toEqual(evaluated(halves));
  expect(evaluated(windows.slice(0, 100))!.at(-1)).toBe(98.5);
});
