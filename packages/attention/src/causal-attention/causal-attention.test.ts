import type { tf } from '@mixerzoo/core';
import { describeOp, testTensor } from '@mixerzoo/core/testing';
import { causalAttentionOp } from './index.js';

const plain = { nHeads: 2, scale: 0.4, window: 0, dropoutRate: 0, dropoutSeed: 0 };
const sequences =
  (length: number, queries = length, headDim = 6, valueDim = headDim, nHeads = 2) =>
  () => ({
    q: testTensor<tf.Rank.R3>([2, queries, nHeads * headDim], 1),
    k: testTensor<tf.Rank.R3>([2, length, nHeads * headDim], 2),
    v: testTensor<tf.Rank.R3>([2, length, nHeads * valueDim], 3),
    slopes: undefined,
  });
const withSlopes = (length: number) => () => ({ ...sequences(length)(), slopes: testTensor<tf.Rank.R1>([2], 4).abs() });

describeOp(
  causalAttentionOp,
  [
    { name: 'one token', inputs: sequences(1), attrs: plain },
    { name: 'odd sizes', inputs: sequences(7, 7, 5, 3, 3), attrs: { ...plain, nHeads: 3 } },
    { name: 'several tiles', inputs: sequences(131, 131, 8), attrs: plain },
    { name: 'fewer queries than keys', inputs: sequences(70, 5), attrs: plain },
    { name: 'one query', inputs: sequences(66, 1, 16), attrs: plain },
    { name: 'window', inputs: sequences(150), attrs: { ...plain, window: 33 } },
    { name: 'window of one', inputs: sequences(9), attrs: { ...plain, window: 1 } },
    { name: 'alibi', inputs: withSlopes(80), attrs: plain },
    { name: 'alibi and window', inputs: withSlopes(80), attrs: { ...plain, window: 11 } },
    { name: 'dropout', inputs: sequences(67), attrs: { ...plain, dropoutRate: 0.3, dropoutSeed: 42 } },
    {
      name: 'dropout and window',
      inputs: sequences(40),
      attrs: { ...plain, window: 7, dropoutRate: 0.1, dropoutSeed: -5 },
    },
  ],
  { gradientsOf: ['q', 'k', 'v'] },
);
