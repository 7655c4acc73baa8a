import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { selectiveScanGradientKernel, selectiveScanKernel } from './webgpu.js';

describe('shaders of the selective scan', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: with a skip, a gate, a bias and an initial state', async () => {
    const inputs = {
      u: tf.zeros([2, 40, 8]),
      delta: tf.zeros([2, 40, 8]),
      A: tf.zeros([8, 4]),
      B: tf.zeros([2, 40, 4]),
      C: tf.zeros([2, 40, 4]),
      D: tf.zeros([8]),
      z: tf.zeros([2, 40, 8]),
      deltaBias: tf.zeros([8]),
      initialState: tf.zeros([2, 8, 4]),
    };
    const gradients = { states: tf.zeros([2, 2, 8, 4]), dy: tf.zeros([2, 40, 8]), dStates: tf.zeros([2, 2, 8, 4]) };
    const attrs = { deltaSoftplus: true };
    await expectShaders('./__fixtures__/selective-scan.wgsl', [
      ...shadersOf(selectiveScanKernel, inputs, attrs),
      ...shadersOf(selectiveScanGradientKernel, { ...inputs, ...gradients }, attrs),
    ]);
  });
});
