/** Golden windows of the harness's own tests (`tests/test_utils.py`). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disjointContext, rollingWindows } from './rolling.js';

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const windows = (count: number, maxLength: number, contextLength: number) =>
  [...rollingWindows(range(0, count), { prefix: -100, maxLength, contextLength })].map(
    ({ input, predicted }) => [input, predicted] as const,
  );

describe('rolling windows', () => {
  it('predict tokens 0 to 33, ten at a time, with a context of 1', () => {
    expect(windows(34, 10, 1)).toEqual([
      [[-100, ...range(0, 9)], range(0, 10)],
      [range(9, 19), range(10, 20)],
      [range(19, 29), range(20, 30)],
      [range(23, 33), range(30, 34)],
    ]);
  });

  it('predict three at a time with a context of 8', () => {
    expect(windows(34, 10, 8)).toEqual([
      [[-100, ...range(0, 9)], range(0, 10)],
      [range(2, 12), range(10, 13)],
      [range(5, 15), range(13, 16)],
      [range(8, 18), range(16, 19)],
      [range(11, 21), range(19, 22)],
      [range(14, 24), range(22, 25)],
      [range(17, 27), range(25, 28)],
      [range(20, 30), range(28, 31)],
      [range(23, 33), range(31, 34)],
    ]);
  });

  it('predict one at a time with a context of all', () => {
    const expected = [
      [[-100, ...range(0, 9)], range(0, 10)],
      ...range(10, 34).map((token) => [range(token - 10, token), [token]]),
    ];
    expect(windows(34, 10, 10)).toEqual(expected);
  });

  it('hold two tokens at least where they may', () => {
    expect(windows(9, 2, 1)).toEqual([
      [
        [-100, 0],
        [0, 1],
      ],
      [
        [1, 2],
        [2, 3],
      ],
      [
        [3, 4],
        [4, 5],
      ],
      [
        [5, 6],
        [6, 7],
      ],
      [[6, 7], [8]],
    ]);
  });

  it('are none of no tokens, and one of a short text', () => {
    expect(windows(0, 10, 1)).toEqual([]);
    expect(windows(3, 10, 1)).toEqual([
      [
        [-100, 0, 1],
        [0, 1, 2],
      ],
    ]);
  });

  it('are refused without a context', () => {
    expect(() => windows(3, 4, 0)).toThrow('expected 1 <= contextLength <= maxLength, got 0 and 4');
    expect(() => windows(3, 4, 5)).toThrow('got 5 and 4');
  });

  it('predict every token once, each after the one before it', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.integer({ min: 1, max: 12 }), fc.nat(11), (count, maxLength, less) => {
        const all = windows(count, maxLength, Math.max(1, maxLength - less));
        expect(all.flatMap(([, predicted]) => predicted)).toEqual(range(0, count));
        for (const [input, predicted] of all) {
          expect(input.length).toBeLessThanOrEqual(maxLength);
          expect(input.slice(1).slice(-(predicted.length - 1) || Infinity)).toEqual(
            predicted.length > 1 ? predicted.slice(0, -1) : [],
          );
        }
      }),
    );
  });
});

it('splits a window into context and continuation', () => {
  expect(disjointContext({ input: [1, 2, 3, 4, 5], predicted: [2, 3, 4, 5, 6] })).toEqual([1]);
  expect(disjointContext({ input: [1, 2, 3, 4, 5], predicted: [4, 5, 6] })).toEqual([1, 2, 3]);
  expect(disjointContext({ input: [1, 2, 3, 4, 5], predicted: [6] })).toEqual([1, 2, 3, 4, 5]);
});
