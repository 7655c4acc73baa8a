import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { attend, attendGradient } from './webgpu.js';

describe('shaders of linear attention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: sums over many chunks, pairs of tokens within', async () => {
    const rows = (width: number) => tf.zeros<tf.Rank.R3>([1, 520, width]);
    const [q, k, v, o, dO] = [rows(16), rows(16), rows(8), rows(8), rows(8)];
    const denominator = tf.ones<tf.Rank.R3>([1, 2, 520]);
    const attrs = { nHeads: 2, scale: 1, normalize: false, eps: 0, chunkSize: 64 };
    await expectShaders('./__fixtures__/linear.wgsl', [
      ...shadersOf(attend, { q, k, v }, attrs),
      ...shadersOf(attendGradient, { q, k, v, o, denominator, dO }, attrs),
    ]);
  });
});
