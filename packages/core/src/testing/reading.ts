/** `Mixer.read` held to `apply`: the sums of values that it takes apart make the same output. */
import { expect } from 'vitest';
import { EVALUATION, type Mixer } from '../mixer.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import { expectClose } from './compare.js';

/** @param tolerance - of the largest magnitude. */
export async function expectReading(mixer: Mixer, params: Tree, x: tf.Tensor3D, tolerance: number): Promise<void> {
  const { name } = mixer;
  const [batch, length] = x.shape;
  const before = tf.memory().numTensors;
  const [direct, sums, later, shapes] = tf.tidy(() => {
    const { weights, values, readOut } = mixer.read!(params, x);
    const o = tf.matMul(weights, values).transpose([0, 2, 1, 3]).reshape<tf.Tensor3D>([batch, length, -1]);
    const causal = tf.linalg.bandPart(tf.ones([length, length]), -1, 0);
    const ahead = weights.mul(tf.sub(1, causal)).abs().max();
    return [mixer.apply(params, x, EVALUATION), readOut(o), ahead, tf.tensor1d([...weights.shape, ...values.shape])];
  });
  const [b, heads, rows, columns, ...ofValues] = await (shapes as tf.Tensor).data();
  expect([b, rows, columns], `${name}.read: weights [B, H, L, L]`).toEqual([batch, length, length]);
  expect([...ofValues.slice(0, 3)], `${name}.read: values [B, H, L, p]`).toEqual([batch, heads, length]);
  expect((await (later as tf.Tensor).data())[0], `${name}.read: weights of later tokens`).toBe(0);
  await expectClose(
    sums as tf.Tensor3D,
    direct as tf.Tensor3D,
    tolerance,
    `${name}: weights times values, read out, against apply`,
  );
  tf.dispose([direct, sums, later, shapes]);
  expect(tf.memory().numTensors, `${name}.read leaks`).toBe(before);
}
