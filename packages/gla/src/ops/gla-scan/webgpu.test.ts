import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { scan, scanGradient } from './webgpu.js';

describe('shaders of the gated scan', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: columns divided between two threads', async () => {
    const rows = (width: number) => tf.zeros<tf.Rank.R3>([1, 40, width]);
    const [q, k, gk, v, dO] = [rows(16), rows(16), rows(16), rows(8), rows(8)];
    const [dLastState, states] = [tf.zeros<tf.Rank.R4>([1, 2, 8, 4]), tf.zeros<tf.Rank.R5>([1, 2, 3, 8, 4])];
    const attrs = { nHeads: 2, scale: 1 };
    await expectShaders('./__fixtures__/gated-scan.wgsl', [
      ...shadersOf(scan, { q, k, gk, v }, attrs),
      ...shadersOf(scanGradient, { q, k, gk, v, states, dO, dLastState }, attrs),
    ]);
  });
});
