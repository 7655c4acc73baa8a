import { tf, useEngine } from '@mixerzoo/core';
import { expectShaders, shadersOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { deltaRule, deltaRuleGradient } from './webgpu.js';

describe('shaders of the gated delta rule', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('are as reviewed: a decay a channel, from a state', async () => {
    const rows = (width: number) => tf.zeros<tf.Rank.R3>([1, 40, width]);
    const [q, k, g, v, beta] = [rows(16), rows(16), rows(16), rows(8), rows(2)];
    const state = tf.zeros<tf.Rank.R4>([1, 2, 8, 4]);
    const inputs = { q, k, v, beta, g, initialState: state };
    const saved = { residual: v, states: tf.zeros<tf.Rank.R5>([1, 2, 3, 8, 4]) };
    const attrs = { nHeads: 2, scale: 1 };
    await expectShaders('./__fixtures__/delta-rule.wgsl', [
      ...shadersOf(deltaRule, inputs, attrs),
      ...shadersOf(deltaRuleGradient, { ...inputs, ...saved, dO: v, dLastState: state }, attrs),
    ]);
  });
});
