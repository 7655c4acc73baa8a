import { tf } from '@mixerzoo/core';
import { describeOp, testTensor } from '@mixerzoo/core/testing';
import { expect, it } from 'vitest';
import { splitColumns, splitColumns2Op, splitColumns3Op } from './index.js';

describeOp(splitColumns2Op, [{ name: 'rank 2', inputs: () => ({ x: testTensor([3, 7]) }), attrs: { widths: [3, 4] } }]);
describeOp(splitColumns3Op, [
  { name: 'rank 3', inputs: () => ({ x: testTensor([2, 5, 9]) }), attrs: { widths: [1, 6, 2] } },
]);

it('refuses widths that do not add up', () => {
  expect(() => splitColumns(tf.zeros([2, 5]), [2, 2])).toThrow('expected x [..., 2 + 2], got [2, 5]');
});
