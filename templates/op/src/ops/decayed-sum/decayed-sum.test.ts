import type { tf } from '@mixerzoo/core';
import { describeOp, testTensor } from '@mixerzoo/core/testing';
import { decayedSumOp } from './index.js';

const sizes = (batch: number, length: number, width: number) => ({
  name: `[${batch}, ${length}, ${width}]`,
  inputs: () => ({
    x: testTensor<tf.Rank.R3>([batch, length, width], 1),
    decay: testTensor<tf.Rank.R1>([width], 2, 0.5),
  }),
  attrs: {},
});

describeOp(decayedSumOp, [sizes(2, 7, 5), sizes(3, 1, 4), sizes(1, 33, 1)]);
