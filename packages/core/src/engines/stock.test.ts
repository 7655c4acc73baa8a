/** What is replaced of TensorFlow.js: gradients on every engine, kernels on wasm. */
import { beforeAll, describe, expect, it } from 'vitest';
import { expectClose, expectGradient, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { useEngine } from './index.js';

beforeAll(async () => {
  await useEngine();
});

async function checkGradient(f: (...inputs: tf.Tensor[]) => tf.Tensor, at: tf.Tensor[], what: string): Promise<void> {
  const flat = (tensors: tf.Tensor[]) => f(...tensors).flatten() as tf.Tensor1D;
  const weights = testTensor<tf.Rank.R1>([tf.tidy(() => flat(at).size)], 5);
  const gradients = tf.grads((...inputs: tf.Tensor[]) => flat(inputs).mul(weights).sum())(at);
  await expectGradient({ at, gradients, weights: await weights.data(), evaluate: flat, tolerance: 1e-2, what });
}

describe('gradients', () => {
  it.each([0, 1, 2])('of cumsum along axis %i', async (axis) => {
    await checkGradient((x) => tf.cumsum(x, axis, axis === 1, axis === 2), [testTensor([2, 3, 4])], 'cumsum');
  });

  it.each([
    [[2, 3, 4], 1],
    [[2, 1, 4], 1], // one slice
    [[2, 3, 1], -1],
    [[2, 3, 4], -2],
  ] as const)('of unstack, %j along axis %i', async (shape, axis) => {
    const at = [testTensor<tf.Rank.R3>([...shape], 1)];
    await checkGradient(
      (x) => tf.concat(tf.unstack(x as tf.Tensor, axis).map((slice) => slice.square())),
      at,
      'unstack',
    );
  });

  it.each([
    [[2, 6, 4], 1, 3],
    [[2, 1, 4], 1, 1], // one piece
    [[2, 3, 4], -1, [1, 3]],
    [[2, 3, 4], 0, 1],
  ] as const)('of split, %j along axis %i by %j', async (shape, axis, sizes) => {
    const at = [testTensor<tf.Rank.R3>([...shape], 1)];
    const split = (x: tf.Tensor) => tf.split(x, sizes as never, axis).map((piece) => piece.square());
    await checkGradient((x) => tf.concat(split(x as tf.Tensor), axis), at, 'split');
  });

  it.each([
    [[2, 3, 4], [4, 5], false, false],
    [[3, 4], [2, 4, 5], false, false],
    [[2, 1, 4, 3], [3, 4, 5], true, false],
    [[2, 1, 3, 4], [1, 3, 5, 4], false, true],
    [[2, 4, 3], [1, 5, 4], true, true],
  ] as const)('of matMul, batches %j x %j broadcast', async (aShape, bShape, transposeA, transposeB) => {
    const at = [testTensor(aShape as never, 1), testTensor(bShape as never, 2)] as tf.Tensor[];
    await checkGradient((a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor, transposeA, transposeB), at, 'matMul');
  });
});

it('has the gradient of logSigmoid where a tidy has freed what it was made of', async () => {
  const at = testTensor<tf.Rank.R1>([7], 1, 4);
  for (const form of [(x: tf.Tensor) => tf.logSigmoid(x), (x: tf.Tensor) => x.logSigmoid()]) {
    await checkGradient((x) => tf.tidy(() => form((x as tf.Tensor).mul(2))), [at], 'logSigmoid');
  }
  const far = tf.logSigmoid(tf.tensor1d([-200, 0, 200]));
  expect([...(await far.data())]).toEqual([-200, expect.closeTo(-Math.LN2, 6), expect.closeTo(0, 30)]);
  far.dispose();
});

describe('kernels', () => {
  it('make floats of whole numbers and of truth values, which others read as such', async () => {
    const indices = tf.tensor1d([1, 0, 2], 'int32');
    const weight = testTensor<tf.Rank.R2>([3, 4], 1);
    const [rows, values] = tf.tidy(() => [
      tf.matMul(tf.oneHot(indices, 3).toFloat() as tf.Tensor2D, weight),
      tf.concat([indices.toFloat(), indices.greater(0).toFloat()]),
    ]);
    await expectClose(rows as tf.Tensor, tf.gather(weight, indices), 1e-6, 'rows');
    expect([...(await (values as tf.Tensor).data())]).toEqual([1, 0, 2, 1, 0, 1]);
    tf.dispose([indices, weight, rows, values]);
  });

  it.each([
    ['linear', (x: tf.Tensor) => x],
    ['relu', (x: tf.Tensor) => tf.relu(x)],
    ['sigmoid', (x: tf.Tensor) => tf.sigmoid(x)],
    ['elu', (x: tf.Tensor) => tf.elu(x)],
  ] as const)('fused.matMul with bias and %s', async (activation, apply) => {
    const [a, b, bias] = [
      testTensor<tf.Rank.R2>([7, 5], 1),
      testTensor<tf.Rank.R2>([3, 5], 2),
      testTensor<tf.Rank.R1>([3], 3),
    ];
    const actual = tf.fused.matMul({ a, b, transposeB: true, bias, activation });
    const sum = tf.matMul(a, b, false, true).add(bias);
    await expectClose(actual, apply(sum), 1e-6, 'fused.matMul');
  });

  it('keep a clone alive after its source is gone', async () => {
    const x = testTensor<tf.Rank.R1>([100], 1);
    const values = await x.data();
    const clone = x.clone();
    x.dispose();
    const other = tf.zeros([100]);
    expect(await clone.data()).toEqual(values);
    tf.dispose([clone, other]);
  });

  it('free what a gradient saved', () => {
    const x = testTensor<tf.Rank.R1>([100], 1);
    const before = tf.memory();
    for (let round = 0; round < 3; round += 1) tf.tidy(() => void tf.grad((t) => t.square().exp().sum())(x));
    const after = tf.memory();
    expect([after.numTensors, after.numDataBuffers, after.numBytes]).toEqual([
      before.numTensors,
      before.numDataBuffers,
      before.numBytes,
    ]);
  });
});
