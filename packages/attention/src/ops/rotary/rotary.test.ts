import { tf } from '@mixerzoo/core';
import { describeOp, testTensor } from '@mixerzoo/core/testing';
import { rotaryAngles, rotaryFrequencies } from './frequencies.js';
import { rotaryOp } from './index.js';

const inputs = (length: number, width: number, rotated: number) => () => {
  const { cos, sin } = rotaryAngles(rotaryFrequencies(rotated, 10_000), 3, length);
  const table = (values: Float32Array) => tf.tensor2d(values, [length, rotated / 2]);
  return { x: testTensor<tf.Rank.R3>([2, length, width]), cos: table(cos), sin: table(sin) };
};

describeOp(
  rotaryOp,
  [
    { name: 'whole heads', inputs: inputs(17, 16, 8), attrs: { nHeads: 2, inverse: false } },
    { name: 'part of odd heads', inputs: inputs(5, 21, 6), attrs: { nHeads: 3, inverse: false } },
    { name: 'inverse', inputs: inputs(1, 8, 2), attrs: { nHeads: 1, inverse: true } },
  ],
  { gradientsOf: ['x'] },
);
