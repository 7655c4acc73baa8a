import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { attendGradientKernel, attendKernel } from './webgpu.js';

describe('shaders of causal attention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: softmax with slopes and dropout', async () => {
    const [q, k, v] = [tf.zeros([1, 40, 16]), tf.zeros([1, 40, 16]), tf.zeros([1, 40, 8])];
    const [o, dO] = [tf.zeros(v.shape), tf.zeros(v.shape)];
    const [logSumExp, dLogSumExp] = [tf.zeros([1, 2, 40]), tf.zeros([1, 2, 40])];
    const inputs = { q, k, v, slopes: tf.zeros([2]) };
    const attrs = { nHeads: 2, scale: 1, window: 0, dropoutRate: 0.1, dropoutSeed: 1 };
    await expectShaders('./__fixtures__/softmax.wgsl', [
      ...shadersOf(attendKernel, inputs, attrs),
      ...shadersOf(attendGradientKernel, { ...inputs, o, logSumExp, dO, dLogSumExp }, attrs),
    ]);
  });
});
