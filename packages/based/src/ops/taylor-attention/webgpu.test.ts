import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { chunkwise } from './webgpu.js';

describe('shaders of Taylor attention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: means of two chunks, pairs of tokens within', async () => {
    const rows = (width: number) => tf.zeros<tf.Rank.R3>([1, 130, width]);
    const [q, k, v, o, dO] = [rows(8), rows(8), rows(16), rows(16), rows(16)];
    const [normaliser, dNormaliser] = [rows(2), rows(2)];
    const attrs = { nHeads: 2, eps: 1e-6 };
    await expectShaders('./__fixtures__/taylor.wgsl', [
      ...shadersOf(chunkwise.attend, { q, k, v }, attrs),
      ...shadersOf(chunkwise.attendGradient, { q, k, v, o, normaliser, dO, dNormaliser }, attrs),
    ]);
  });
});
