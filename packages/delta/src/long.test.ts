/** Decoding over a long sequence: rounding must not add up. */
import { disposeTree, tf, useEngine } from '@mixerzoo/core';
import { expectClose, testTensor } from '@mixerzoo/core/testing';
import { expect, it } from 'vitest';
import { deltaNet } from './delta-net.js';
import { gatedDeltaNet } from './gated-delta-net.js';
import { kimiDeltaAttention } from './kimi-delta-attention.js';

const LENGTH = 2_000;

it.each([
  ['deltaNet', deltaNet({ dModel: 16, nHeads: 2, allowNegEigval: true })],
  ['gatedDeltaNet', gatedDeltaNet({ dModel: 16, nHeads: 2 })],
  ['kimiDeltaAttention', kimiDeltaAttention({ dModel: 16, nHeads: 2 })],
] as const)('%s computes the same by step and by apply over 2,000 tokens', async (name, mixer) => {
  await useEngine();
  const params = mixer.init(7);
  const x = testTensor<tf.Rank.R3>([1, LENGTH, 16], 3);
  const expected = tf.tidy(() => mixer.apply(params as never, x));
  let state = mixer.initState(1);
  const outputs: tf.Tensor2D[] = [];
  for (let t = 0; t < LENGTH; t += 1) {
    const token = tf.tidy(() => x.slice([0, t, 0], [1, 1, 16]).reshape<tf.Tensor2D>([1, 16]));
    const next = mixer.step(params as never, token, state);
    token.dispose();
    outputs.push(next.y);
    state = next.state;
  }
  await expectClose(tf.stack(outputs, 1), expected, 1e-4, name);
  expect(mixer.stateSize(LENGTH)).toBe(mixer.stateSize(1));
  disposeTree(state);
});
