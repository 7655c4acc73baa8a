import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { attend, attendGradient } from './webgpu.js';

describe('shaders of causal attention', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: softmax with slopes and dropout', async () => {
    const rows = (width: number) => tf.zeros<tf.Rank.R3>([1, 40, width]);
    const [q, k, v, o, dO] = [rows(16), rows(16), rows(8), rows(8), rows(8)];
    const [logSumExp, dLogSumExp] = [tf.zeros<tf.Rank.R3>([1, 2, 40]), tf.zeros<tf.Rank.R3>([1, 2, 40])];
    const inputs = { q, k, v, slopes: tf.zeros<tf.Rank.R1>([2]) };
    const attrs = { nHeads: 2, scale: 1, window: 0, dropoutRate: 0.1, dropoutSeed: 1 };
    await expectShaders('./__fixtures__/softmax.wgsl', [
      ...shadersOf(attend, inputs, attrs),
      ...shadersOf(attendGradient, { ...inputs, o, logSumExp, dO, dLogSumExp }, attrs),
    ]);
  });
});
