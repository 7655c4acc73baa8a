import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { backwardKernel, forwardKernel } from './webgpu.js';

describe('shaders of the gated scan', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: columns divided between two threads', async () => {
    const [q, k, gk, v] = [tf.zeros([1, 40, 16]), tf.zeros([1, 40, 16]), tf.zeros([1, 40, 16]), tf.zeros([1, 40, 8])];
    const [dO, dLastState, states] = [tf.zeros(v.shape), tf.zeros([1, 2, 8, 4]), tf.zeros([1, 2, 3, 8, 4])];
    const attrs = { nHeads: 2, scale: 1 };
    await expectShaders('./__fixtures__/gated-scan.wgsl', [
      ...shadersOf(forwardKernel, { q, k, gk, v }, attrs),
      ...shadersOf(backwardKernel, { q, k, gk, v, states, dO, dLastState }, attrs),
    ]);
  });
});
