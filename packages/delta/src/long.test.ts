/** Decoding over a long sequence: rounding must not add up. */
import { disposeTree, type Mixer, tf, useEngine } from '@mixerzoo/core';
import { expectClose, reducedOnSoftware, stepThrough, testTensor } from '@mixerzoo/core/testing';
import { expect, it } from 'vitest';
import { deltaNet } from './delta-net.js';
import { gatedDeltaNet } from './gated-delta-net.js';
import { kimiDeltaAttention } from './kimi-delta-attention.js';

const LENGTH = 2_000;

const MIXERS: readonly (readonly [string, Mixer])[] = [
  ['deltaNet', deltaNet({ dModel: 16, nHeads: 2, allowNegEigval: true })],
  ['gatedDeltaNet', gatedDeltaNet({ dModel: 16, nHeads: 2 })],
  ['kimiDeltaAttention', kimiDeltaAttention({ dModel: 16, nHeads: 2 })],
];

it.for(MIXERS)('%s computes the same by step and by apply over 2,000 tokens', async ([name, mixer], context) => {
  await useEngine();
  const length = await reducedOnSoftware(context, 'tokens stepped through', LENGTH, 200);
  const params = mixer.init(7);
  const x = testTensor<tf.Rank.R3>([1, length, 16], 3);
  const expected = tf.tidy(() => mixer.apply(params, x));
  const { y, state } = stepThrough(mixer, params, x);
  await expectClose(y, expected, 1e-4, name);
  expect(mixer.stateSize(length)).toBe(mixer.stateSize(1));
  disposeTree(state);
});
