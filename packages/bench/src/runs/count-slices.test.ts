import { InvalidConfigError } from '@mixerzoo/core';
import { expect, it } from 'vitest';
import { countSlices } from './count-slices.js';

/** Three examples with 2, 0 and 3 labels; the last comes twice, if `copies` says so. */
const answered = (copies = [1, 1, 1]) => ({
  perLabelCorrect: Uint8Array.of(1, 0, 1, 1, 0),
  perExampleTotal: Int32Array.of(2, 0, 3),
  perExampleCopies: Int32Array.from(copies),
});
const bins = [
  { from: 1, to: 1 },
  { from: 2, to: 3 },
  { from: 4, to: 7 },
  { from: 8, to: 15 },
];

it('counts the answers of each bin by example, and leaves empty bins out', () => {
  const [slice, ...others] = countSlices([{ name: 'gap', bins, values: Int32Array.of(2, 3, 1, 2, 7) }], answered());
  expect(others).toEqual([]);
  expect(slice).toEqual({
    name: 'gap',
    bins: [
      { from: 1, to: 1, correct: 1, total: 1, accuracy: 1, examples: 1, exampleStd: 0 },
      // Shares 1/2 and 1: standard deviation sqrt(1/8).
      {
        from: 2,
        to: 3,
        correct: 2,
        total: 3,
        accuracy: 2 / 3,
        examples: 2,
        exampleStd: expect.closeTo(0.125 ** 0.5, 12),
      },
      { from: 4, to: 7, correct: 0, total: 1, accuracy: 0, examples: 1, exampleStd: 0 },
    ],
  });
});

it('refuses slices that break their contract', () => {
  const refuses = (slice: Partial<{ bins: typeof bins; values: Int32Array }>, message: string) => {
    const made = () => countSlices([{ name: 'gap', bins, values: Int32Array.of(1, 1, 1, 1, 1), ...slice }], answered());
    expect(made).toThrow(InvalidConfigError);
    expect(made).toThrow(`slice 'gap': expected ${message}`);
  };
  refuses({ values: Int32Array.of(1, 1) }, 'a value for each of 5 labelled positions, got 2');
  refuses({ values: Int32Array.of(1, 1, 1, 1, 16) }, 'a bin for every value, got 16 outside of all');
  refuses({ bins: Array.from({ length: 65 }, (_, from) => ({ from, to: from })) }, 'at most 64 bins, got 65');
});
