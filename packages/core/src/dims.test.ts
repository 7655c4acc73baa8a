import { expect, expectTypeOf, it } from 'vitest';
import { dims, type TensorOf } from './dims.js';
import * as tf from './tf.js';

it('gives the sizes of a tensor of the rank asked for', () => {
  const [batch, length, width] = dims(tf.zeros([2, 3, 4]), 3);
  expect([batch, length, width]).toEqual([2, 3, 4]);
});

it('refuses a tensor of another rank', () => {
  expect(() => dims(tf.zeros([2, 3]), 3)).toThrow('dims: expected a tensor of rank 3, got [2, 3].');
});

it('types a tensor by its shape', () => {
  expectTypeOf<TensorOf<readonly [number, number]>>().toEqualTypeOf<tf.Tensor2D>();
  expectTypeOf<TensorOf<tf.Tensor3D['shape']>>().toEqualTypeOf<tf.Tensor3D>();
  expectTypeOf<TensorOf<tf.Tensor['shape']>>().toEqualTypeOf<tf.Tensor>();
});
