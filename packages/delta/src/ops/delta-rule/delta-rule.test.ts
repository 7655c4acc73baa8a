import { createRng, tf, useEngine } from '@mixerzoo/core';
import { l2Norm } from '@mixerzoo/core/blocks';
import { withReferenceForms } from '@mixerzoo/core/kernels';
import { describeOp, expectClose, gradientsOf, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { type DeltaRuleOptions, deltaRule, deltaRuleOp, deltaRuleOutput, deltaRuleOutputOp } from './index.js';

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

type Gate = 'no gate' | 'a gate a head' | 'a gate a channel';
const GATES: readonly Gate[] = ['no gate', 'a gate a head', 'a gate a channel'];

/** Logarithms of decays of mean -decay, or none. */
function gate(kind: Gate, [batch, length, width]: [number, number, number], decay = 0.3): tf.Tensor3D | undefined {
  if (kind === 'no gate') return undefined;
  return tf.tidy(() => testTensor<tf.Rank.R3>([batch, length, width], 6).square().mul<tf.Tensor3D>(-decay));
}

interface Sizes {
  readonly batch: number;
  readonly length: number;
  readonly nHeads: number;
  readonly headK: number;
  readonly headV: number;
}

const opCase = (kind: Gate, { batch, length, nHeads, headK, headV }: Sizes, fromState = false, decay?: number) => ({
  name: `[${batch}, ${length}], ${nHeads} heads of ${headK} x ${headV}, ${kind}${fromState ? ', from a state' : ''}`,
  inputs() {
    const { initialState, ...rest } = inputs(batch, length, nHeads, headK, headV);
    const g = gate(kind, [batch, length, kind === 'a gate a head' ? nHeads : nHeads * headK], decay);
    if (fromState) return { ...rest, g, initialState };
    initialState.dispose();
    return { ...rest, g, initialState: undefined };
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
      g: undefined,
      initialState: undefined,
    };
  },
  attrs: { nHeads: 1, scale: 1 },
};

describeOp(deltaRuleOp, [
  ...GATES.flatMap((kind) => [
    opCase(kind, { batch: 2, length: 7, nHeads: 2, headK: 5, headV: 3 }),
    opCase(kind, { batch: 2, length: 1, nHeads: 2, headK: 8, headV: 4 }, true),
    opCase(kind, { batch: 1, length: 16, nHeads: 1, headK: 1, headV: 1 }),
    opCase(kind, { batch: 1, length: 33, nHeads: 3, headK: 9, headV: 16 }, true),
    opCase(kind, { batch: 2, length: 37, nHeads: 1, headK: 4, headV: 35 }, true, 3),
    opCase(kind, { batch: 1, length: 48, nHeads: 2, headK: 16, headV: 32 }),
  ]),
  almostEqualKeys,
]);

describeOp(deltaRuleOutputOp, [
  opCase('no gate', { batch: 2, length: 37, nHeads: 3, headK: 5, headV: 7 }),
  opCase('no gate', { batch: 1, length: 35, nHeads: 2, headK: 20, headV: 6 }, true),
  opCase('a gate a channel', { batch: 1, length: 35, nHeads: 2, headK: 8, headV: 6 }, true),
]);

type Numbers = ArrayLike<number>;
type Given = Record<'q' | 'k' | 'v' | 'beta', Numbers> & { readonly g?: Numbers };

/**
 * One head token by token in double precision, scale 1, from an empty state, and the gradients of <weights, o>, step by step back with
 * every state kept. `g` [L] or [L, K].
 */
function recurrence({ q, k, v, beta, g }: Given, weights: Numbers, [length, headK, headV]: [number, number, number]) {
  const at = (x: Numbers, index: number) => x[index] as number;
  const perToken = (g?.length ?? 0) / length;
  const decay = (t: number, i: number) => (g === undefined ? 1 : Math.exp(at(g, perToken === 1 ? t : t * headK + i)));
  const cells = headK * headV;
  const decayed: Float64Array[] = [];
  const missing = new Float64Array(length * headV);
  const o = new Float64Array(length * headV);
  let state = new Float64Array(cells);
  const eachCell = (visit: (i: number, j: number, cell: number) => void) => {
    for (let i = 0; i < headK; i += 1) for (let j = 0; j < headV; j += 1) visit(i, j, i * headV + j);
  };
  for (let t = 0; t < length; t += 1) {
    const before = new Float64Array(cells);
    eachCell((i, _, cell) => {
      before[cell] = decay(t, i) * at(state, cell);
    });
    for (let j = 0; j < headV; j += 1) missing[t * headV + j] = at(v, t * headV + j);
    eachCell((i, j, cell) => {
      missing[t * headV + j] = at(missing, t * headV + j) - at(before, cell) * at(k, t * headK + i);
    });
    const after = new Float64Array(cells);
    eachCell((i, j, cell) => {
      after[cell] = at(before, cell) + at(k, t * headK + i) * at(beta, t) * at(missing, t * headV + j);
      o[t * headV + j] = at(o, t * headV + j) + at(q, t * headK + i) * at(after, cell);
    });
    decayed.push(before);
    state = after;
  }
  const gradients = {
    q: new Float64Array(length * headK),
    k: new Float64Array(length * headK),
    v: new Float64Array(length * headV),
    beta: new Float64Array(length),
    ...(g && { g: new Float64Array(g.length) }),
  };
  const add = (to: Float64Array, index: number, value: number) => {
    to[index] = at(to, index) + value;
  };
  const costate = new Float64Array(cells);
  for (let t = length - 1; t >= 0; t -= 1) {
    const before = decayed[t] as Float64Array;
    const du = new Float64Array(headV);
    eachCell((i, j, cell) => {
      const update = at(beta, t) * at(missing, t * headV + j);
      add(gradients.q, t * headK + i, (at(before, cell) + at(k, t * headK + i) * update) * at(weights, t * headV + j));
      add(costate, cell, at(q, t * headK + i) * at(weights, t * headV + j));
      add(gradients.k, t * headK + i, at(costate, cell) * update);
      add(du, j, at(costate, cell) * at(k, t * headK + i));
    });
    eachCell((i, j, cell) => {
      const dv = at(beta, t) * at(du, j);
      add(gradients.k, t * headK + i, -at(before, cell) * dv);
      add(costate, cell, -at(k, t * headK + i) * dv);
      if (gradients.g) add(gradients.g, perToken === 1 ? t : t * headK + i, at(costate, cell) * at(before, cell));
      costate[cell] = decay(t, i) * at(costate, cell);
    });
    for (let j = 0; j < headV; j += 1) {
      gradients.v[t * headV + j] = at(beta, t) * at(du, j);
      add(gradients.beta, t, at(du, j) * at(missing, t * headV + j));
    }
  }
  return { o, lastState: state, gradients };
}

describe('deltaRule', () => {
  beforeAll(async () => {
    await useEngine();
  });

  const SATURATED = -48;
  const [headK, headV] = [6, 10];

  it.each([
    ['no gate', 63, 0, () => 0],
    ['almost equal keys, beta 1.95', 64, 0, () => 0],
    ['a gate a head, slow', 50, 1, () => -1e-3],
    ['a gate a head, e^-12 a token', 33, 1, () => -12],
    ['a gate a head, now and then saturated', 61, 1, (at: number) => (at % 9 === 5 ? SATURATED : -1e-2)],
    ['a gate a head, always saturated', 40, 1, () => SATURATED],
    ['a gate a channel, none open', 50, headK, () => -12],
    ['a gate a channel, now and then saturated', 61, headK, (at: number) => (at % 37 === 5 ? SATURATED : -1e-2)],
    ['a gate a channel, of every size', 49, headK, (at: number) => -(10 ** ((at % 11) / 2 - 4))],
  ] as const)('is the recurrence in double precision, with its gradients: %s', async (name, length, gates, log) => {
    const rng = createRng(3);
    const drawn = (size: number, value: (at: number) => number) =>
      Float32Array.from({ length: size }, (_, at) => value(at));
    const alike = name.startsWith('almost');
    const rows = drawn(length * headK, () => (alike ? 1 + 0.03 * rng.normal() : rng.normal()));
    const unit = rows.map((value, at) => {
      const from = at - (at % headK);
      return value / Math.hypot(...rows.subarray(from, from + headK));
    });
    const given = {
      q: drawn(length * headK, () => rng.normal()),
      k: unit,
      v: drawn(length * headV, () => rng.normal()),
      beta: drawn(length, () => (alike ? 1.95 : rng.uniform())),
      ...(gates > 0 && { g: drawn(length * gates, log) }),
    };
    const weights = drawn(length * headV, () => rng.normal());
    const expected = recurrence(given, weights, [length, headK, headV]);
    const names = Object.keys(given) as (keyof typeof given)[];
    const tensors = names.map((role) =>
      tf.tensor3d(given[role] as Float32Array, [1, length, (given[role] as Float32Array).length / length]),
    );
    const weight = tf.tensor3d(weights, [1, length, headV]);
    const scan = (all: readonly tf.Tensor[]) =>
      deltaRule(Object.fromEntries(names.map((role, at) => [role, all[at]])) as never, { nHeads: 1, scale: 1 });
    const forms = () => ({ ...scan(tensors), gradients: gradientsOf((all) => scan(all).o.mul(weight).sum(), tensors) });
    for (const [form, found] of Object.entries({ kernel: forms(), reference: withReferenceForms(forms) })) {
      await expectClose(found.o, { shape: [1, length, headV], data: expected.o }, 1e-5, `${form}: o`);
      await expectClose(
        found.lastState,
        { shape: [1, 1, headK, headV], data: expected.lastState },
        1e-5,
        `${form}: lastState`,
      );
      for (const [at, role] of names.entries()) {
        const values = await (found.gradients[at] as tf.Tensor).data();
        // Gradients of saturated gates are small, and would be hidden by the others.
        for (const saturated of role === 'g' ? [true, false] : [false]) {
          const of = (all: Numbers) => {
            const data = Array.from(all).filter((_, i) => role !== 'g' || (given.g?.[i] === SATURATED) === saturated);
            return { shape: [data.length], data };
          };
          const what = `${form}: gradient of ${role}${saturated ? ', saturated' : ''}`;
          await expectClose(of(values), of(expected.gradients[role] as Numbers), 3e-5, what, 1e-30);
        }
      }
    }
  });

  it('computes parity exactly: a state S <- 1 - S on every 1', async () => {
    const length = 100;
    const rng = createRng(5);
    const bits = Array.from({ length }, () => rng.integer(2));
    const ones = tf.ones<tf.Rank.R3>([1, length, 1]);
    const beta = tf.tensor3d(bits, [1, length, 1]).mul<tf.Tensor3D>(2);
    const { o } = deltaRule({ q: ones, k: ones, v: ones.mul(0.5), beta }, { nHeads: 1 });
    let parity = 0;
    expect([...(await o.data())]).toEqual(bits.map((bit) => (parity ^= bit)));
  });

  it('holds the last value of every key exactly, where keys are orthonormal and beta is 1', async () => {
    const [length, keys, width] = [90, 5, 3];
    const rng = createRng(7);
    const chosen = Array.from({ length }, () => rng.integer(keys));
    const rows = chosen.map((key) => Array.from({ length: keys }, (_, column) => (column === key ? 1 : 0)));
    const k = tf.tensor3d([rows]);
    const v = testTensor<tf.Rank.R3>([1, length, width], 8, 8).round(); // old + (new - old) does not round
    const { lastState } = deltaRule({ q: k, k, v, beta: tf.ones([1, length, 1]) }, { nHeads: 1 });
    const values = await v.data();
    const last = Array.from({ length: keys }, (_, key) => {
      const t = chosen.lastIndexOf(key);
      return [...values.slice(t * width, (t + 1) * width)];
    });
    expect([...(await lastState.data())]).toEqual(last.flat());
  });

  it.each(GATES)('goes on from the state of an earlier piece: %s', async (kind) => {
    const [batch, length, nHeads] = [2, 41, 2];
    const { initialState, ...rest } = inputs(batch, length, nHeads, 4, 3);
    const g = gate(kind, [batch, length, kind === 'a gate a head' ? nHeads : nHeads * 4]);
    const all = { ...rest, ...(g && { g }) };
    const piece = (from: number, count: number) =>
      Object.fromEntries(
        Object.entries(all).map(([name, x]) => [name, x.slice([0, from, 0], [-1, count, -1])]),
      ) as typeof all;
    const whole = deltaRule({ ...all, initialState }, { nHeads });
    const first = deltaRule({ ...piece(0, 23), initialState }, { nHeads });
    const second = deltaRule({ ...piece(23, 18), initialState: first.lastState }, { nHeads });
    await expectClose(tf.concat([first.o, second.o], 1), whole.o, 1e-5, 'o');
    await expectClose(second.lastState, whole.lastState, 1e-5, 'lastState');
  });

  it.each(GATES)('gives the same output without the last state: %s', async (kind) => {
    const { initialState, ...rest } = inputs(2, 37, 2, 5, 7);
    const g = gate(kind, [2, 37, kind === 'a gate a head' ? 2 : 10]);
    const given = { ...rest, initialState, ...(g && { g }) };
    await expectClose(deltaRuleOutput(given, { nHeads: 2 }), deltaRule(given, { nHeads: 2 }).o, 0);
  });

  it('refuses what does not fit', () => {
    tf.tidy(() => {
      const given = inputs(1, 3, 2, 4, 6);
      const scan = (changed: object, options: DeltaRuleOptions = { nHeads: 2 }) =>
        deltaRule({ ...given, ...changed }, options);
      expect(() => scan({ k: given.v })).toThrow('deltaRule: expected q, k [B, L, H K], v [B, L, H V] and beta');
      expect(() => scan({ beta: given.v })).toThrow('beta [B, L, H] with H = 2');
      expect(() => scan({}, { nHeads: 3 })).toThrow('H = 3');
      expect(() => scan({ g: given.v })).toThrow('deltaRule: expected g [1, 3, 2] or [1, 3, 8], got [1, 3, 12]');
      expect(() => scan({ initialState: tf.zeros([1, 2, 4, 4]) })).toThrow('expected initialState [1, 2, 4, 6]');
    });
  });
});
