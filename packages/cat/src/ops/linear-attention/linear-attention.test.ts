import type { tf } from '@mixerzoo/core';
import { describeOp, testTensor } from '@mixerzoo/core/testing';
import { elu1Op } from '../elu1/index.js';
import { linearAttentionOp } from './index.js';

const plain = { nHeads: 2, scale: 0.4, normalize: false, eps: 1e-12, chunkSize: 64 };
const sequences =
  (length: number, headDim = 6, valueDim = headDim, nHeads = 2, positive = false) =>
  () => {
    const heads = (width: number, seed: number) => testTensor<tf.Rank.R3>([2, length, nHeads * width], seed);
    const [q, k] = [heads(headDim, 1), heads(headDim, 2)];
    return { q: positive ? q.abs() : q, k: positive ? k.abs() : k, v: heads(valueDim, 3) };
  };
const normalized = { ...plain, normalize: true };

describeOp(linearAttentionOp, [
  { name: 'one token', inputs: sequences(1), attrs: plain },
  { name: 'odd sizes', inputs: sequences(7, 5, 3, 3), attrs: { ...plain, nHeads: 3 } },
  { name: 'one chunk', inputs: sequences(64, 8), attrs: plain },
  { name: 'several chunks', inputs: sequences(150, 16, 9), attrs: plain },
  { name: 'small chunks', inputs: sequences(23, 4), attrs: { ...plain, chunkSize: 5 } },
  { name: 'normalised', inputs: sequences(33, 6, 6, 2, true), attrs: normalized },
  { name: 'normalised, several chunks', inputs: sequences(140, 7, 5, 1, true), attrs: { ...normalized, nHeads: 1 } },
  { name: 'long', inputs: sequences(530, 5, 3), attrs: plain },
  { name: 'long, normalised', inputs: sequences(530, 4, 4, 1, true), attrs: { ...normalized, nHeads: 1 } },
]);

describeOp(elu1Op, [
  { name: 'a few elements', inputs: () => ({ x: testTensor([3, 5], 1, 3) }), attrs: {} },
  { name: 'several blocks', inputs: () => ({ x: testTensor([2, 4099], 1) }), attrs: {} },
]);
