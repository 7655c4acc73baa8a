import { tf, useEngine } from '@mixerzoo/core';
import { withReferenceForms } from '@mixerzoo/core/kernels';
import { describeOp, expectClose, gradientsOf, type OpCase, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { mLstmOutputOp, mLstmScan, mLstmScanOp } from './index.js';
import type { Attrs, Inputs } from './types.js';

interface Sizes {
  batch: number;
  length: number;
  nHeads: number;
  headK: number;
  headV: number;
}

/** What decides which of its sides the maximum of the denominator takes. */
interface Kind {
  /** The input gates' logarithms are N(shift, 1). */
  shift?: number;
  /** The forget gates' are -|N(0, 1)| times so much. */
  decay?: number;
  /** Queries and keys of positive numbers alone. */
  positive?: boolean;
  /** With a state before the first token. */
  state?: boolean;
}

function inputs(sizes: Sizes, { shift = 0, decay = 0.3, positive = false, state = false }: Kind): Inputs {
  const { batch, length, nHeads, headK, headV } = sizes;
  const rows = (width: number, seed: number) => testTensor<tf.Rank.R3>([batch, length, width], seed);
  return tf.tidy(() => {
    const keys = (x: tf.Tensor) => (positive ? x.abs() : x) as tf.Tensor3D;
    return {
      q: keys(rows(nHeads * headK, 1)),
      k: keys(rows(nHeads * headK, 2)),
      v: rows(nHeads * headV, 3),
      i: rows(nHeads, 4).add<tf.Tensor3D>(shift),
      logF: rows(nHeads, 5).abs().mul<tf.Tensor3D>(-decay),
      initialC: state ? testTensor<tf.Rank.R4>([batch, nHeads, headK, headV], 6) : undefined,
      initialN: state ? keys(testTensor([batch, nHeads, headK], 7)) : undefined,
      initialM: state ? testTensor<tf.Rank.R2>([batch, nHeads], 8).add<tf.Tensor2D>(shift) : undefined,
    };
  });
}

function opCase(sizes: Sizes, kind: Kind = {}): OpCase<Inputs, Attrs> {
  const { batch, length, nHeads, headK, headV } = sizes;
  const options = Object.entries(kind).map(([name, value]) => `, ${name} ${value}`);
  return {
    name: `B ${batch}, L ${length}, H ${nHeads}, K ${headK}, V ${headV}${options.join('')}`,
    inputs: () => inputs(sizes, kind),
    attrs: { nHeads, scale: headK ** -0.5 },
  };
}

/** The denominator is e^-m, then |n . q|, everywhere: there is no kink within reach of a central difference. */
const small = { shift: -6 };
const large = { shift: 4, positive: true };
const smooth = [
  opCase({ batch: 2, length: 1, nHeads: 1, headK: 4, headV: 4 }, small),
  opCase({ batch: 2, length: 1, nHeads: 2, headK: 3, headV: 5 }, { ...large, state: true }),
  opCase({ batch: 2, length: 7, nHeads: 3, headK: 5, headV: 7 }, large),
  opCase({ batch: 1, length: 63, nHeads: 2, headK: 6, headV: 9 }, { ...small, state: true }),
  opCase({ batch: 1, length: 64, nHeads: 2, headK: 16, headV: 8 }, { ...large, decay: 2 }),
  opCase({ batch: 1, length: 65, nHeads: 1, headK: 8, headV: 16 }, { ...large, decay: 0.02 }),
  opCase({ batch: 2, length: 130, nHeads: 1, headK: 5, headV: 3 }, { ...large, state: true }),
];
describeOp(mLstmScanOp, smooth);
describeOp(mLstmOutputOp, smooth.slice(2, 4));

describe('on both sides of the kink', () => {
  describeOp(
    mLstmScanOp,
    [
      opCase({ batch: 2, length: 7, nHeads: 3, headK: 5, headV: 7 }),
      opCase({ batch: 1, length: 63, nHeads: 2, headK: 6, headV: 9 }, { state: true }),
      opCase({ batch: 1, length: 64, nHeads: 2, headK: 16, headV: 8 }),
      opCase({ batch: 2, length: 130, nHeads: 1, headK: 5, headV: 3 }, { state: true, decay: 0.02 }),
    ],
    { differenceTolerance: false },
  );
});

/** The recurrence of one head in double precision, without a stabiliser, and the gradients of sum h. */
function inDouble(rows: Record<'q' | 'k' | 'v' | 'i' | 'logF', ArrayLike<number>>, { length, headK, headV }: Sizes) {
  const at = (x: ArrayLike<number>, index: number) => x[index] as number;
  const row = (x: ArrayLike<number>, t: number, width: number) =>
    Array.from({ length: width }, (_, c) => at(x, t * width + c));
  const inner = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, c) => sum + x * at(b, c), 0);
  /** Rows of C, and n as one column more: [K][V + 1]. */
  let state = Array.from({ length: headK }, () => new Array<number>(headV + 1).fill(0));
  const tokens = Array.from({ length }, (_, t) => {
    const [decay, input] = [Math.exp(at(rows.logF, t)), Math.exp(at(rows.i, t))];
    const [key, value] = [row(rows.k, t, headK), [...row(rows.v, t, headV), 1]];
    const query = row(rows.q, t, headK).map((x) => x * headK ** -0.5);
    const before = state;
    state = before.map((cells, c) => cells.map((cell, j) => decay * cell + input * at(key, c) * at(value, j)));
    const sums = value.map((_, j) =>
      inner(
        query,
        state.map((cells) => at(cells, j)),
      ),
    );
    const norm = at(sums, headV);
    const h = sums.slice(0, headV).map((sum) => sum / Math.max(Math.abs(norm), 1));
    return { decay, input, key, value, query, before, norm, h };
  });
  const gradients = { i: new Float64Array(length), logF: new Float64Array(length) };
  let costate = state.map((cells) => cells.map(() => 0));
  for (let t = length - 1; t >= 0; t -= 1) {
    const { decay, input, key, value, query, before, norm, h } = tokens[t] as (typeof tokens)[number];
    const inverse = 1 / Math.max(Math.abs(norm), 1);
    const ofNorm = Math.abs(norm) > 1 ? -Math.sign(norm) * inverse * h.reduce((sum, x) => sum + x, 0) : 0;
    const given = [...h.map(() => inverse), ofNorm];
    costate = costate.map((cells, c) => cells.map((cell, j) => cell + at(query, c) * at(given, j)));
    gradients.i[t] =
      input *
      inner(
        key,
        costate.map((cells) => inner(cells, value)),
      );
    gradients.logF[t] = decay * costate.reduce((sum, cells, c) => sum + inner(cells, before[c] as number[]), 0);
    costate = costate.map((cells) => cells.map((cell) => decay * cell));
  }
  return { h: tokens.flatMap((token) => token.h), ...gradients };
}

describe('mLstmScan', () => {
  beforeAll(async () => {
    await useEngine();
  });

  const SATURATED = -48;
  it.each([
    ['open', () => -1e-3, 0],
    ['some saturated', (t: number) => (t % 37 === 5 ? SATURATED : -1e-3), 0],
    ['all saturated', () => SATURATED, 0],
    ['open, input gates closed', () => -1e-3, -30],
    ['some saturated, input gates large', (t: number) => (t % 37 === 5 ? SATURATED : -0.01), 20],
  ])(
    'equals the recurrence in double precision, and so do gradients of gates, however small: %s',
    async (_name, gate, shift) => {
      const sizes = { batch: 1, length: 200, nHeads: 1, headK: 6, headV: 10 };
      const drawn = inputs(sizes, { shift, positive: true });
      drawn.logF.dispose();
      const gates = Float32Array.from({ length: sizes.length }, (_, t) => gate(t));
      const logF = tf.tensor3d(gates, [1, sizes.length, 1]);
      const { q, k, v, i } = drawn;
      const rows = { q: await q.data(), k: await k.data(), v: await v.data(), i: await i.data(), logF: gates };
      const expected = inDouble(rows, sizes);
      const of = (all: ArrayLike<number>, keep: (t: number) => boolean) => {
        const data = Array.from(all).filter((_, t) => keep(t));
        return { shape: [data.length], data };
      };
      const found = () => {
        const scan = ([input, forget]: tf.Tensor[]) =>
          mLstmScan({ q, k, v, i: input as tf.Tensor3D, logF: forget as tf.Tensor3D }, { nHeads: 1 }).h;
        return { h: scan([i, logF]), gradients: gradientsOf((tensors) => scan(tensors).sum(), [i, logF]) };
      };
      for (const [form, { h, gradients }] of Object.entries({
        kernel: found(),
        reference: withReferenceForms(found),
      })) {
        await expectClose(h, { shape: h.shape, data: Float32Array.from(expected.h) }, 2e-5, `${form}: h`, 1e-30);
        const [dI, dLogF] = gradients as [tf.Tensor, tf.Tensor];
        await expectClose(
          of(await dI.data(), () => true),
          of(expected.i, () => true),
          5e-5,
          `${form}: i`,
          1e-30,
        );
        for (const saturated of [true, false]) {
          const chosen = (t: number) => t > 0 && (gates[t] === SATURATED) === saturated;
          const what = `${form}: logF, saturated: ${saturated}`;
          await expectClose(of(await dLogF.data(), chosen), of(expected.logF, chosen), 5e-5, what, 1e-30);
        }
        tf.dispose([h, ...gradients]);
      }
      tf.dispose([q, k, v, i, logF]);
    },
  );

  it('goes on from its own last state, whatever the scale that holds it', async () => {
    const sizes = { batch: 2, length: 100, nHeads: 2, headK: 5, headV: 4 };
    const { q, k, v, i, logF } = inputs(sizes, { shift: 1, positive: true });
    const all = { q, k, v, i, logF };
    const part = (from: number, count: number) =>
      Object.fromEntries(
        Object.entries(all).map(([name, x]) => [name, x.slice([0, from, 0], [-1, count, -1])]),
      ) as typeof all;
    const whole = mLstmScan(all, { nHeads: 2 });
    const head = mLstmScan(part(0, 70), { nHeads: 2 });
    for (const shift of [0, 7]) {
      const { c, n, m } = head.lastState;
      const initialState = {
        c: c.mul<tf.Tensor4D>(Math.exp(-shift)),
        n: n.mul<tf.Tensor3D>(Math.exp(-shift)),
        m: m.add<tf.Tensor2D>(shift),
      };
      const tail = mLstmScan({ ...part(70, 30), initialState }, { nHeads: 2 });
      await expectClose(tf.concat([head.h, tail.h], 1), whole.h, 2e-5, `shift ${shift}: h`);
      const meant = ({ c, m }: typeof initialState) => c.mul(m.exp().reshape([2, 2, 1, 1]));
      await expectClose(meant(tail.lastState), meant(whole.lastState), 2e-5, `shift ${shift}: C e^m`);
    }
  });

  it('says what it expected', () => {
    const rows = (width: number) => tf.zeros<tf.Rank.R3>([1, 2, width]);
    const right = { q: rows(6), k: rows(6), v: rows(4), i: rows(2), logF: rows(2) };
    expect(() => mLstmScan({ ...right, k: rows(4) }, { nHeads: 2 })).toThrow(
      /mLstmScan: expected q, k \[B, L, H K\].*got \[1, 2, 6\], \[1, 2, 4\]/,
    );
    expect(() => mLstmScan({ ...right, i: rows(4) }, { nHeads: 2 })).toThrow(/i, logF \[B, L, H\] with H = 2/);
    const initialState = { c: tf.zeros([1, 2, 3, 3]), n: tf.zeros([1, 2, 3]), m: tf.zeros([1, 2]) } as never;
    expect(() => mLstmScan({ ...right, initialState }, { nHeads: 2 })).toThrow(
      /c of the initial state \[1, 2, 3, 2\], got \[1, 2, 3, 3\]/,
    );
  });
});
