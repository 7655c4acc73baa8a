import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import * as tf from '../tf.js';
import { disposeTree } from '../tree.js';
import { valueAndGradients } from './value-and-gradients.js';

beforeAll(async () => {
  await useEngine();
});

describe('valueAndGradients', () => {
  it('gives the value, and a gradient for every parameter: summed over ties, zero for what has no part', async () => {
    const tied = tf.tensor1d([1, -2]);
    const params = { a: { w: tied }, b: tied, none: undefined, idle: tf.tensor1d([5]) };
    const before = tf.memory().numTensors;
    // (w . w) + 3 sum(b), of one tensor: 2 w + 3
    const { value, grads } = valueAndGradients(
      ({ a, b }) => tf.sum(tf.square(a.w)).add(tf.sum(b.mul(3))) as tf.Scalar,
      params,
    );
    expect([...(await value.data())]).toEqual([2]);
    expect([...(await grads.a.w.data())]).toEqual([5, -1]);
    expect(grads.b).toBe(grads.a.w);
    expect([...(await grads.idle.data())]).toEqual([0]);
    expect(Object.keys(grads)).toEqual(['a', 'b', 'none', 'idle']);
    value.dispose();
    disposeTree(grads);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses what has no gradient, and leaks nothing', () => {
    const params = { w: tf.tensor1d([1, 2]) };
    const before = tf.memory().numTensors;
    const of = (compute: (p: typeof params) => unknown) => () => valueAndGradients(compute as never, params);
    expect(of(({ w }) => tf.square(w))).toThrow(/expected a float32 scalar, got float32 \[2\]\. Reduce it/);
    expect(of(() => 3)).toThrow(/got number/);
    expect(of(async ({ w }) => tf.sum(w))).toThrow(/got a promise/);
    expect(of(() => tf.scalar(1))).toThrow(/expected a value that depends on the parameters/);
    expect(tf.memory().numTensors).toBe(before);
  });
});
