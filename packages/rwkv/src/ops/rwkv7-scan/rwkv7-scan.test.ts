import { tf, useEngine } from '@mixerzoo/core';
import { l2Norm } from '@mixerzoo/core/blocks';
import { describeOp, expectClose, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Rwkv7ScanOptions, rwkv7Scan, rwkv7ScanOp, rwkv7ScanOutputOp } from './index.js';
import { rwkv7ScanReference } from './reference.js';

type Sizes = readonly [batch: number, length: number, nHeads: number, headK: number, headV: number];

/** Inputs as RWKV-7 makes them: unit kappa, rates in (0, 1), decays e^(-e^(-1/2) sigmoid). */
function inputs(...[batch, length, nHeads, headK, headV]: Sizes) {
  const rows = (width: number, seed: number, scale?: number) =>
    testTensor<tf.Rank.R3>([batch, length, nHeads * width], seed, scale);
  return {
    r: rows(headK, 1),
    g: tf.sigmoid(rows(headK, 2, 2)).mul<tf.Tensor3D>(-Math.exp(-0.5)),
    k: rows(headK, 3, headK ** -0.5),
    v: rows(headV, 4),
    kappa: l2Norm(rows(headK, 5).reshape([-1, headK])).reshape<tf.Tensor3D>([batch, length, nHeads * headK]),
    a: tf.sigmoid(rows(headK, 6, 2)),
    initialState: testTensor<tf.Rank.R4>([batch, nHeads, headK, headV], 7),
  };
}

const sizes = (...given: Sizes) => ({
  name: `[${given[0]}, ${given[1]}], ${given[2]} heads of ${given[3]} x ${given[4]}, from a state`,
  inputs: () => inputs(...given),
  attrs: { nHeads: given[2] },
});

const fromZero = (...given: Sizes) => ({
  ...sizes(...given),
  name: `[${given[0]}, ${given[1]}], ${given[2]} heads of ${given[3]} x ${given[4]}`,
  inputs: () => ({ ...inputs(...given), initialState: undefined }),
});

/** Gates at their ends: full decay, none, everything removed (a = 1), nothing (a = 0); keys that hardly differ. */
const saturated = (name: string, g: number, a: number) => ({
  name,
  inputs() {
    const given = inputs(1, 40, 1, 8, 8);
    const kappa = l2Norm(given.kappa.mul<tf.Tensor3D>(0.03).add<tf.Tensor3D>(1));
    return { ...given, kappa, g: tf.fill([1, 40, 8], g), a: tf.fill([1, 40, 8], a), initialState: undefined };
  },
  attrs: { nHeads: 1 },
});

describeOp(rwkv7ScanOp, [
  fromZero(2, 7, 2, 5, 3),
  sizes(2, 1, 2, 8, 4),
  fromZero(1, 16, 1, 1, 1),
  sizes(1, 33, 3, 9, 16),
  sizes(2, 37, 1, 4, 19),
  fromZero(2, 48, 2, 16, 32),
  saturated('almost equal keys, full decay, everything removed', -Math.exp(-0.5), 1),
  saturated('almost equal keys, no decay, everything removed', 0, 1),
  saturated('almost equal keys, nothing removed', -0.3, 0),
  saturated('decays of e^-2 a token', -2, 0.5),
]);

describeOp(rwkv7ScanOutputOp, [fromZero(1, 33, 2, 6, 5), sizes(2, 17, 1, 4, 4)]);

/** The recurrence, token by token. */
function recurrence(given: ReturnType<typeof inputs>, nHeads: number) {
  const [batch, length, width] = given.r.shape;
  const headK = width / nHeads;
  let state: tf.Tensor = given.initialState;
  const outputs = Array.from({ length }, (_, t) => {
    const column = (x: tf.Tensor3D) => x.slice([0, t, 0], [-1, 1, -1]).reshape([batch, nHeads, headK, 1]);
    const value = given.v.slice([0, t, 0], [-1, 1, -1]).reshape([batch, nHeads, 1, -1]);
    const u = state.mul(column(given.kappa)).sum(2, true);
    const removed = column(given.kappa).mul(column(given.a)).mul(u);
    state = state.mul(column(given.g).exp()).sub(removed).add(column(given.k).mul(value));
    return state.mul(column(given.r)).sum(2).reshape<tf.Tensor2D>([batch, -1]);
  });
  return { o: tf.stack(outputs, 1), lastState: state };
}

describe('rwkv7Scan', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.each([1, 7, 15, 16, 17, 31, 33, 64, 127])(
    'is its recurrence, in kernels and by chunks, at length %i',
    async (length) => {
      const given = inputs(2, length, 2, 6, 5);
      const found = {
        kernels: tf.tidy(() => rwkv7Scan(given, { nHeads: 2 })),
        chunks: tf.tidy(() => rwkv7ScanReference(given, { nHeads: 2 })),
      };
      const expected = tf.tidy(() => recurrence(given, 2));
      for (const [form, { o, lastState }] of Object.entries(found)) {
        await expectClose(o, expected.o, 2e-6, `${form}: o`);
        await expectClose(lastState, expected.lastState, 2e-6, `${form}: lastState`);
      }
      tf.dispose([given, found, expected] as never);
    },
  );

  it('is its recurrence at decays that no power of e holds over a chunk', async () => {
    const given = inputs(1, 40, 2, 6, 5);
    const fast = { ...given, g: tf.fill<tf.Rank.R3>([1, 40, 12], -8) };
    const chunks = tf.tidy(() => rwkv7ScanReference(fast, { nHeads: 2 }));
    const expected = tf.tidy(() => recurrence(fast, 2));
    await expectClose(chunks.o, expected.o, 2e-6, 'o');
    tf.dispose([given, fast.g, chunks, expected] as never);
  });

  it('goes on from its last state', async () => {
    const given = inputs(1, 41, 2, 8, 8);
    const part = (from: number, size: number) =>
      Object.fromEntries(
        Object.entries(given).map(([name, x]) => [name, x.rank === 3 ? x.slice([0, from, 0], [-1, size, -1]) : x]),
      ) as typeof given;
    const [whole, joined] = tf.tidy(() => {
      const first = rwkv7Scan(part(0, 23), { nHeads: 2 });
      const second = rwkv7Scan({ ...part(23, 18), initialState: first.lastState }, { nHeads: 2 });
      return [rwkv7Scan(given, { nHeads: 2 }).o, tf.concat([first.o, second.o], 1)];
    }) as [tf.Tensor, tf.Tensor];
    await expectClose(joined, whole, 1e-6, 'in two parts');
    tf.dispose([given, whole, joined] as never);
  });

  it('stores the last value of each of orthonormal keys where everything is removed and nothing decays', async () => {
    const written = [0, 1, 2, 1, 0, 2, 2, 3];
    const keys = tf.tensor3d(
      written.flatMap((key) => [0, 1, 2, 3].map((at) => (at === key ? 1 : 0))),
      [1, 8, 4],
    );
    const values = tf.tensor3d(
      Array.from(written.keys(), (t) => t + 1),
      [1, 8, 1],
    );
    const ones = tf.ones<tf.Rank.R3>([1, 8, 4]);
    const given = { r: ones, g: tf.zerosLike(ones), k: keys, v: values, kappa: keys, a: ones };
    const { lastState } = rwkv7Scan(given, { nHeads: 1 });
    expect(Array.from(await lastState.data())).toEqual([5, 4, 7, 8]);
  });

  it('refuses what does not fit', () => {
    tf.tidy(() => {
      const given = inputs(1, 3, 2, 4, 6);
      const scan = (changed: object, options: Rwkv7ScanOptions = { nHeads: 2 }) =>
        rwkv7Scan({ ...given, ...changed }, options);
      expect(() => scan({ k: given.v })).toThrow('rwkv7Scan: expected r, g, k, kappa, a [B, L, H K] and v [B, L, H V]');
      expect(() => scan({ v: given.v.slice([0, 0, 0], [-1, 2, -1]) })).toThrow('with H = 2');
      expect(() => scan({}, { nHeads: 3 })).toThrow('H = 3');
      expect(() => scan({ initialState: tf.zeros([1, 2, 4, 4]) })).toThrow('expected initialState [1, 2, 4, 6]');
    });
  });
});
