import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { chosenAttention, chosenAttentionGradient } from './webgpu-chosen.js';

describe('shaders of attention to chosen blocks', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed', async () => {
    const rows = (length: number) => tf.zeros<tf.Rank.R3>([2, length, 8]);
    const [q, k, v, dO] = [rows(40), rows(40), rows(40), rows(40)];
    const inputs = { q, k, v, landmarks: rows(4), chosen: tf.zeros<tf.Rank.R3>([2, 40, 3], 'int32') };
    const attrs = { blockSize: 8, scale: 1 };
    await expectShaders('./__fixtures__/chosen-attention.wgsl', [
      ...shadersOf(chosenAttention, inputs, attrs),
      ...shadersOf(chosenAttentionGradient, { ...inputs, dO }, attrs),
    ]);
  });
});
