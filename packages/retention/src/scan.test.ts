import { tf, useEngine } from '@mixerzoo/core';
import { expectClose, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { gammas, retentionScan } from './scan.js';

beforeAll(() => useEngine());

describe('retentionScan', () => {
  it.each([1, 7, 63, 65])('is the recurrence at length %i, and its states join', async (length) => {
    const [nHeads, headK, headV] = [3, 5, 4];
    const q = testTensor<tf.Rank.R3>([2, length, nHeads * headK], 1);
    const k = testTensor<tf.Rank.R3>([2, length, nHeads * headK], 2);
    const v = testTensor<tf.Rank.R3>([2, length, nHeads * headV], 3);
    const initialState = testTensor<tf.Rank.R4>([2, nHeads, headV, headK], 4);
    const { o, lastState } = retentionScan({ q, k, v, initialState }, { nHeads, scale: 0.7 });
    const numbers = async (x: tf.Tensor) => (await x.reshape([2, length, nHeads, -1]).array()) as number[][][][];
    const [queries, keys, values] = [await numbers(q), await numbers(k), await numbers(v)];
    const states = await initialState.array();
    const decays = gammas(nHeads);
    const outputs = values.map((sequence, b) =>
      sequence.map((heads, t) =>
        heads.map((value, h) => {
          const state = states[b]?.[h] as number[][];
          const [key, query] = [keys[b]?.[t]?.[h], queries[b]?.[t]?.[h]] as [number[], number[]];
          return value.map((x, j) => {
            const row = (state[j] as number[]).map((s, i) => (decays[h] as number) * s + (key[i] as number) * x);
            state[j] = row;
            return 0.7 * row.reduce((sum, s, i) => sum + s * (query[i] as number), 0);
          });
        }),
      ),
    );
    await expectClose(o, tf.tensor(outputs).reshape(o.shape), 1e-5, 'o');
    await expectClose(lastState, tf.tensor4d(states), 1e-5, 'lastState');
  });

  it('says what it expected', () => {
    const x = tf.zeros<tf.Rank.R3>([1, 2, 6]);
    expect(() => retentionScan({ q: x, k: tf.zeros([1, 2, 3]), v: x }, { nHeads: 3 })).toThrow(
      /retentionScan: expected q, k/,
    );
    expect(() => retentionScan({ q: x, k: x, v: x }, { nHeads: 4 })).toThrow(/with H = 4/);
  });
});
