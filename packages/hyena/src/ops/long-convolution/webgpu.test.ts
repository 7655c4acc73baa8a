/** The shaders of the long convolution, without a GPU. */
import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { it } from 'vitest';
import { longConvolution, longConvolutionGradient } from './webgpu.js';

it('dispatches the reviewed shaders', async () => {
  await useEngine();
  const inputs = { x: tf.zeros<tf.Rank.R3>([2, 5, 3]), filter: tf.zeros<tf.Rank.R2>([5, 3]) };
  const dY = tf.zerosLike(inputs.x);
  const attrs = { method: 'direct' } as const;
  await expectShaders('__fixtures__/long-convolution.wgsl', [
    ...shadersOf(longConvolution, inputs, attrs),
    ...shadersOf(longConvolutionGradient, { ...inputs, dY }, attrs),
  ]);
  tf.dispose([inputs, dY]);
});
