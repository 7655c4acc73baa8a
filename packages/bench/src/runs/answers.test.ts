import { expect, it } from 'vitest';
import { countAnswers } from './answers.js';

it('counts right answers and their spread over examples, but for examples without a label', () => {
  // Shares 1/2, 1 and 0: mean 1/2, standard deviation 1/2.
  expect(countAnswers(Int32Array.of(1, 2, 0, 0), Int32Array.of(2, 2, 0, 2))).toEqual({
    correct: 3,
    total: 6,
    accuracy: 0.5,
    examples: 3,
    exampleStd: 0.5,
  });
  expect(countAnswers(Int32Array.of(1), Int32Array.of(4))).toMatchObject({ examples: 1, exampleStd: 0 });
});
