import { tf, useEngine } from '@mixerzoo/core';
import { l2Norm } from '@mixerzoo/core/blocks';
import { describeOp, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { type DeltaRuleOptions, deltaRule, deltaRuleOp } from './index.js';

/** Inputs of `batch` sequences; keys of about unit length. */
function inputs(batch: number, length: number, nHeads: number, headK: number, headV: number) {
  const rows = (width: number, seed: number, scale?: number) =>
    testTensor<tf.Rank.R3>([batch, length, nHeads * width], seed, scale);
  return {
    q: rows(headK, 1),
    k: rows(headK, 2, headK ** -0.5),
    v: rows(headV, 3),
    beta: tf.sigmoid(rows(1, 4)),
    initialState: testTensor<tf.Rank.R4>([batch, nHeads, headK, headV], 5),
  };
}

const sizes = (batch: number, length: number, nHeads: number, headK: number, headV: number, fromState = false) => ({
  name: `[${batch}, ${length}], ${nHeads} heads of ${headK} x ${headV}${fromState ? ', from a state' : ''}`,
  inputs() {
    const { initialState, ...rest } = inputs(batch, length, nHeads, headK, headV);
    if (fromState) return { ...rest, initialState };
    initialState.dispose();
    return { ...rest, initialState: undefined };
  },
  attrs: { nHeads, scale: headK ** -0.5 },
});

/** Where powers of the chunk's matrix lose every digit: keys that hardly differ, beta up to 2. */
const almostEqualKeys = {
  name: 'almost equal keys of unit length, beta 1.95',
  inputs() {
    const { q, k, v } = inputs(1, 40, 1, 8, 8);
    return {
      q,
      k: l2Norm(k.mul<tf.Tensor3D>(0.03).add(1)),
      v,
      beta: tf.fill([1, 40, 1], 1.95),
      initialState: undefined,
    };
  },
  attrs: { nHeads: 1, scale: 1 },
};

describeOp(deltaRuleOp, [
  sizes(2, 7, 2, 5, 3),
  sizes(2, 1, 2, 8, 4, true),
  sizes(1, 16, 1, 1, 1),
  sizes(1, 33, 3, 9, 16, true),
  sizes(2, 37, 1, 4, 35, true),
  sizes(3, 48, 2, 16, 32),
  almostEqualKeys,
]);

describe('deltaRule', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('refuses what does not fit', () => {
    tf.tidy(() => {
      const given = inputs(1, 3, 2, 4, 6);
      const scan = (changed: object, options: DeltaRuleOptions = { nHeads: 2 }) =>
        deltaRule({ ...given, ...changed }, options);
      expect(() => scan({ k: given.v })).toThrow('deltaRule: expected q, k [B, L, H K], v [B, L, H V] and beta');
      expect(() => scan({ beta: given.v })).toThrow('beta [B, L, H] with H = 2');
      expect(() => scan({}, { nHeads: 3 })).toThrow('H = 3');
      expect(() => scan({ initialState: tf.zeros([1, 2, 4, 4]) })).toThrow('expected initialState [1, 2, 4, 6]');
    });
  });
});
