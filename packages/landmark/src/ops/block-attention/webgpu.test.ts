import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { blockAttention, blockAttentionGradient } from './webgpu.js';

describe('shaders of block attention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: the own block and retrieved ones', async () => {
    const rows = () => tf.zeros<tf.Rank.R3>([2, 40, 8]);
    const [q, k, v, dO] = [rows(), rows(), rows(), rows()];
    const inputs = { q, k, v, retrieved: tf.zeros<tf.Rank.R3>([2, 40, 3], 'int32') };
    const attrs = { blockSize: 8, unit: 4, scale: 1 };
    await expectShaders('./__fixtures__/block-attention.wgsl', [
      ...shadersOf(blockAttention, inputs, attrs),
      ...shadersOf(blockAttentionGradient, { ...inputs, dO }, attrs),
    ]);
  });
});
