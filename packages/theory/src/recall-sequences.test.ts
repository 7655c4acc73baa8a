import { createRng } from '@mixerzoo/core';
import { expect, it } from 'vitest';
import { asRecall, confusingRecall, drawRecall, endsOf } from './recall-sequences.js';

it('draws sequences whose last tokens stand in them once before', () => {
  const rng = createRng(1);
  for (const n of [1, 2, 3, 4]) {
    for (let i = 0; i < 20; i++) {
      const { tokens, match, value } = drawRecall(rng, { vocabSize: 3, n, length: 40 });
      expect(endsOf(tokens.slice(-n), tokens)).toEqual([match, 39]);
      expect(tokens[match + 1]).toBe(value);
    }
  }
});

it('knows what is no recall', () => {
  expect(asRecall([1, 2, 3], 1)).toBeUndefined();
  expect(asRecall([1, 2, 1, 3, 1], 1)).toBeUndefined();
  expect(asRecall([3, 1, 1], 1)).toEqual({ tokens: [3, 1, 1], match: 1, value: 1 });
});

it('surrounds a query with a distractor, where that does not hold the query itself', () => {
  expect(confusingRecall([1, 2], 3, [2, 2], 9)?.tokens).toEqual([2, 2, 2, 1, 2, 3, 2, 1, 2]);
  expect(confusingRecall([1, 2], 3, [2, 1], 9)).toBeUndefined();
});
