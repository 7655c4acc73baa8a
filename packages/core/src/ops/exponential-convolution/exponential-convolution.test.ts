import { expect, it } from 'vitest';
import { describeOp, expectClose, testTensor } from '../../testing/index.js';
import * as tf from '../../tf.js';
import { exponentialConvolution, exponentialConvolutionOp } from './index.js';

const inputs =
  (length: number, width: number, groups: number, dState: number, batch = 2) =>
  () => ({
    x: testTensor<tf.Rank.R3>([batch, length, width], 1),
    decay: tf.mul<tf.Tensor2D>(0.5, tf.sigmoid(testTensor<tf.Rank.R2>([groups, dState], 2))),
    weight: testTensor<tf.Rank.R2>([groups, dState], 3),
  });

describeOp(exponentialConvolutionOp, [
  { name: 'one token', inputs: inputs(1, 4, 1, 1), attrs: {} },
  { name: 'per head, odd width', inputs: inputs(17, 9, 3, 1), attrs: {} },
  { name: 'per channel, several states', inputs: inputs(33, 6, 6, 3), attrs: {} },
  { name: 'several chunks', inputs: inputs(101, 6, 2, 2), attrs: {} },
  { name: 'more sequences than blocks', inputs: inputs(5, 8, 2, 2, 11), attrs: {} },
]);

it('has the impulse response sum_n weight_n decay_n^j', async () => {
  const x = tf.tensor3d([1, 0, 0, 0], [1, 4, 1]);
  const y = exponentialConvolution(x, tf.tensor2d([[0.5, 0.9]]), tf.tensor2d([[2, -1]]));
  const expected = [0, 1, 2, 3].map((delay) => 2 * 0.5 ** delay - 0.9 ** delay);
  await expectClose(y, tf.tensor3d(expected, [1, 4, 1]), 1e-6);
  expect(() => exponentialConvolution(x, tf.ones([2, 1]), tf.ones([2, 1]))).toThrow('C dividing d');
});
