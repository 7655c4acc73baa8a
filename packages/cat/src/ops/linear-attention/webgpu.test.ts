import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { attendGradientKernel, attendKernel } from './webgpu.js';

describe('shaders of linear attention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: sums over many chunks, pairs of tokens within', async () => {
    const [q, k, v] = [tf.zeros([1, 520, 16]), tf.zeros([1, 520, 16]), tf.zeros([1, 520, 8])];
    const [o, dO, denominator] = [tf.zeros(v.shape), tf.zeros(v.shape), tf.ones([1, 2, 520])];
    const attrs = { nHeads: 2, scale: 1, normalize: false, eps: 0, chunkSize: 64 };
    await expectShaders('./__fixtures__/linear.wgsl', [
      ...shadersOf(attendKernel, { q, k, v }, attrs),
      ...shadersOf(attendGradientKernel, { q, k, v, o, denominator, dO }, attrs),
    ]);
  });
});
