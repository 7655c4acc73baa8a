import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { chunkwiseKernels } from './webgpu.js';

describe('shaders of Taylor attention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: means of two chunks, pairs of tokens within', async () => {
    const [q, k, v, o, dO] = [8, 8, 16, 16, 16].map((width) => tf.zeros([1, 130, width])) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const [normaliser, dNormaliser] = [tf.zeros([1, 130, 2]), tf.zeros([1, 130, 2])];
    const attrs = { nHeads: 2, eps: 1e-6 };
    await expectShaders('./__fixtures__/taylor.wgsl', [
      ...shadersOf(chunkwiseKernels.forward, { q, k, v } as never, attrs),
      ...shadersOf(chunkwiseKernels.backward, { q, k, v, o, normaliser, dO, dNormaliser } as never, attrs),
    ]);
  });
});
