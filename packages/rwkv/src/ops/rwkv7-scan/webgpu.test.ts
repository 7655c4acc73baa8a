import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { rwkv7Scan, rwkv7ScanGradient } from './webgpu.js';

describe('shaders of the scan of RWKV-7', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: from a state, keys and values as vectors', async () => {
    const rows = () => tf.zeros<tf.Rank.R3>([1, 40, 16]);
    const state = () => tf.zeros<tf.Rank.R4>([1, 2, 8, 8]);
    const tensors = { r: rows(), g: rows(), k: rows(), v: rows(), kappa: rows(), a: rows(), initialState: state() };
    const saved = { removed: rows(), states: tf.zeros<tf.Rank.R5>([1, 2, 3, 8, 8]) };
    const gradients = { dO: rows(), dLastState: state() };
    await expectShaders('./__fixtures__/rwkv7-scan.wgsl', [
      ...shadersOf(rwkv7Scan, tensors, { nHeads: 2 }),
      ...shadersOf(rwkv7ScanGradient, { ...tensors, ...saved, ...gradients }, { nHeads: 2 }),
    ]);
  });
});
