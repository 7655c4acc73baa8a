import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { selectiveScan, selectiveScanGradient } from './webgpu.js';

describe('shaders of the selective scan', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: with a skip, a gate, a bias and an initial state', async () => {
    const inputs = {
      u: tf.zeros<tf.Rank.R3>([2, 40, 8]),
      delta: tf.zeros<tf.Rank.R3>([2, 40, 8]),
      A: tf.zeros<tf.Rank.R2>([8, 4]),
      B: tf.zeros<tf.Rank.R3>([2, 40, 4]),
      C: tf.zeros<tf.Rank.R3>([2, 40, 4]),
      D: tf.zeros<tf.Rank.R1>([8]),
      z: tf.zeros<tf.Rank.R3>([2, 40, 8]),
      deltaBias: tf.zeros<tf.Rank.R1>([8]),
      initialState: tf.zeros<tf.Rank.R3>([2, 8, 4]),
    };
    const gradients = {
      states: tf.zeros<tf.Rank.R4>([2, 2, 8, 4]),
      dY: tf.zeros<tf.Rank.R3>([2, 40, 8]),
      dStates: tf.zeros<tf.Rank.R4>([2, 2, 8, 4]),
    };
    const attrs = { deltaSoftplus: true };
    await expectShaders('./__fixtures__/selective-scan.wgsl', [
      ...shadersOf(selectiveScan, inputs, attrs),
      ...shadersOf(selectiveScanGradient, { ...inputs, ...gradients }, attrs),
    ]);
  });
});
