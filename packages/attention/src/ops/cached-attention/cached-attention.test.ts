import { ShapeError, type tf } from '@mixerzoo/core';
import { describeOp, testTensor } from '@mixerzoo/core/testing';
import { expect, it } from 'vitest';
import { cachedAttention, cachedAttentionOp } from './index.js';

const plain = { nHeads: 2, scale: 0.4, window: 0, mixesAll: false };
const cache =
  (rows: number, headDim: number, valueDim = headDim, nHeads = 2, nKvHeads = nHeads) =>
  () => ({
    q: testTensor<tf.Rank.R2>([3, nHeads * headDim], 1),
    k: testTensor<tf.Rank.R3>([3, rows, nKvHeads * headDim], 2),
    v: testTensor<tf.Rank.R3>([3, rows, nKvHeads * valueDim], 3),
    slopes: undefined,
  });
const withSlopes = (rows: number) => () => ({ ...cache(rows, 6)(), slopes: testTensor<tf.Rank.R1>([2], 4).abs() });

describeOp(
  cachedAttentionOp,
  [
    { name: 'two tokens', inputs: cache(2, 4), attrs: { ...plain, tokens: 2 } },
    { name: 'odd sizes, with room', inputs: cache(9, 5, 3, 3), attrs: { ...plain, nHeads: 3, tokens: 7 } },
    { name: 'a whole piece', inputs: cache(256, 4), attrs: { ...plain, tokens: 256 } },
    { name: 'several pieces, with room', inputs: cache(600, 8), attrs: { ...plain, tokens: 515 } },
    { name: 'window', inputs: cache(300, 5), attrs: { ...plain, tokens: 290, window: 261 } },
    { name: 'window longer than the cache', inputs: cache(20, 4), attrs: { ...plain, tokens: 6, window: 7 } },
    { name: 'alibi', inputs: withSlopes(280), attrs: { ...plain, tokens: 270 } },
    { name: 'alibi and window', inputs: withSlopes(30), attrs: { ...plain, tokens: 25, window: 11 } },
    {
      name: 'heads that share keys and values',
      inputs: cache(270, 5, 3, 6, 2),
      attrs: { ...plain, nHeads: 6, tokens: 263 },
    },
    {
      name: 'shared values to every head',
      inputs: cache(30, 4, 5, 4, 2),
      attrs: { ...plain, nHeads: 4, tokens: 22, mixesAll: true },
    },
    { name: 'all values to every head', inputs: cache(30, 4, 5), attrs: { ...plain, tokens: 22, mixesAll: true } },
  ],
  { gradientsOf: ['q', 'k', 'v'] },
);

it('refuses heads of keys that do not divide those of queries', () => {
  const { q, k, v } = cache(9, 4, 4, 6, 4)();
  expect(() => cachedAttention({ q, k, v }, { ...plain, nHeads: 6, tokens: 9 })).toThrow(
    'v [B, C, G r] of H = 6 heads, G a divisor of it',
  );
});

it.each([0, 10])('refuses %i tokens of a cache of 9 rows', (tokens) => {
  const { q, k, v } = cache(9, 4)();
  expect(() => cachedAttention({ q, k, v }, { ...plain, tokens })).toThrow(ShapeError);
  expect(() => cachedAttention({ q, k, v }, { ...plain, tokens })).toThrow(`from 1 to C tokens, got [3, 8], [3, 9, 8]`);
});
