import { tf, useEngine } from '@mixerzoo/core';
import { withReferenceForms } from '@mixerzoo/core/kernels';
import { describeOp, expectClose, gradientsOf, type OpCase, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { glaScan, glaScanOp, glaScanOutput, glaScanOutputOp } from './index.js';
import type { Attrs, Inputs } from './types.js';

interface Sizes {
  batch: number;
  length: number;
  nHeads: number;
  headK: number;
  headV: number;
}

function inputs({ batch, length, nHeads, headK, headV }: Sizes, decay = 0.3): Inputs {
  const keys = (seed: number) => testTensor<tf.Rank.R3>([batch, length, nHeads * headK], seed);
  const gk = tf.tidy(() => keys(3).square().mul<tf.Tensor3D>(-decay));
  return { q: keys(1), k: keys(2), gk, v: testTensor<tf.Rank.R3>([batch, length, nHeads * headV], 4) };
}

function opCase(sizes: Sizes, decay?: number): OpCase<Inputs, Attrs> {
  const { batch, length, nHeads, headK, headV } = sizes;
  return {
    name: `B ${batch}, L ${length}, H ${nHeads}, K ${headK}, V ${headV}${decay === undefined ? '' : `, decay ${decay}`}`,
    inputs: () => inputs(sizes, decay),
    attrs: { nHeads, scale: headK ** -0.5 },
  };
}

describeOp(glaScanOp, [
  opCase({ batch: 2, length: 1, nHeads: 1, headK: 4, headV: 4 }),
  opCase({ batch: 2, length: 7, nHeads: 3, headK: 5, headV: 7 }),
  opCase({ batch: 1, length: 17, nHeads: 2, headK: 16, headV: 32 }),
  opCase({ batch: 2, length: 63, nHeads: 1, headK: 18, headV: 23 }),
  opCase({ batch: 1, length: 65, nHeads: 2, headK: 24, headV: 8 }, 0),
  opCase({ batch: 1, length: 33, nHeads: 1, headK: 8, headV: 16 }, 5),
]);

describeOp(glaScanOutputOp, [
  opCase({ batch: 2, length: 7, nHeads: 3, headK: 5, headV: 7 }),
  opCase({ batch: 1, length: 35, nHeads: 2, headK: 8, headV: 6 }),
]);

describe('glaScan', () => {
  beforeAll(async () => {
    await useEngine();
  });

  /** The recurrence in double precision, one head. */
  function recurrence({ q, k, gk, v }: Record<'q' | 'k' | 'gk' | 'v', ArrayLike<number>>, sizes: Sizes) {
    const { length, headK, headV } = sizes;
    const state = new Float64Array(headK * headV);
    const o = new Float32Array(length * headV);
    for (let t = 0; t < length; t += 1) {
      for (let i = 0; i < headK; i += 1) {
        const at = t * headK + i;
        for (let j = 0; j < headV; j += 1) {
          const cell = i * headV + j;
          state[cell] =
            Math.exp(gk[at] as number) * (state[cell] as number) + (k[at] as number) * (v[t * headV + j] as number);
          o[t * headV + j] = (o[t * headV + j] as number) + headK ** -0.5 * (q[at] as number) * (state[cell] as number);
        }
      }
    }
    return { o: { shape: [1, length, headV], data: o }, lastState: { shape: [1, 1, headK, headV], data: state } };
  }

  it.each([
    ['slow decay', (_: number) => -1e-3],
    ['no decay', (_: number) => 0],
    ['a saturated gate among slow ones', (at: number) => (at % 37 === 5 ? -1e4 : -1e-3)],
    ['saturated gates', (_: number) => -1e4],
  ])('equals the recurrence in double precision: %s', async (_name, decay) => {
    const sizes = { batch: 1, length: 200, nHeads: 1, headK: 6, headV: 10 };
    const drawn = inputs(sizes);
    const gates = Float32Array.from({ length: sizes.length * sizes.headK }, (_, at) => decay(at));
    const gk = tf.tensor3d(gates, [1, sizes.length, sizes.headK]);
    const { q, k, v } = drawn;
    const expected = recurrence({ q: await q.data(), k: await k.data(), gk: gates, v: await v.data() }, sizes);
    const { o, lastState } = glaScan({ q, k, gk, v }, { nHeads: 1 });
    await expectClose(o, expected.o, 1e-5, 'o');
    await expectClose(lastState, expected.lastState, 1e-5, 'lastState');
    const gradients = gradientsOf(
      ([a, b, c, d]) => glaScan({ q: a, k: b, gk: c, v: d } as never, { nHeads: 1 }).o.sum(),
      [q, k, gk, v],
    );
    for (const gradient of gradients) expect((await gradient.data()).every(Number.isFinite)).toBe(true);
    tf.dispose([drawn, gk, o, lastState, ...gradients] as never);
  });

  /** The gradient of sum o with respect to gk in double precision: `a_t S_{t-1} o dS_t`, both states kept. */
  function gateGradient({ q, k, gk, v }: Record<'q' | 'k' | 'gk' | 'v', ArrayLike<number>>, sizes: Sizes) {
    const { length, headK, headV } = sizes;
    const at = (x: ArrayLike<number>, index: number) => x[index] as number;
    const gradient = new Float64Array(length * headK);
    for (let i = 0; i < headK; i += 1) {
      for (let j = 0; j < headV; j += 1) {
        const before = new Float64Array(length + 1); // the state's element before each token
        for (let t = 0; t < length; t += 1) {
          const decay = Math.exp(at(gk, t * headK + i));
          before[t + 1] = decay * at(before, t) + at(k, t * headK + i) * at(v, t * headV + j);
        }
        let costate = 0;
        for (let t = length - 1; t >= 0; t -= 1) {
          costate = Math.exp(at(gk, t * headK + i)) * (costate + headK ** -0.5 * at(q, t * headK + i));
          gradient[t * headK + i] = at(gradient, t * headK + i) + costate * at(before, t);
        }
      }
    }
    return gradient;
  }

  it.each([
    ['open', () => -1e-3],
    ['some saturated', (at: number) => (at % 37 === 5 ? -48 : -1e-3)],
    ['all saturated', () => -48],
  ])('has the gate gradient of double precision, however small: gates %s', async (_name, decay) => {
    const sizes = { batch: 1, length: 200, nHeads: 1, headK: 22, headV: 10 };
    const drawn = inputs(sizes);
    const gates = Float32Array.from({ length: sizes.length * sizes.headK }, (_, at) => decay(at));
    const gk = tf.tensor3d(gates, [1, sizes.length, sizes.headK]);
    const { q, k, v } = drawn;
    const expected = gateGradient({ q: await q.data(), k: await k.data(), gk: gates, v: await v.data() }, sizes);
    const found = () =>
      gradientsOf(([a]) => glaScan({ q, k, gk: a as tf.Tensor3D, v }, { nHeads: 1 }).o.sum(), [gk])[0];
    for (const [form, gradient] of Object.entries({ kernel: found(), reference: withReferenceForms(found) })) {
      const values = await (gradient as tf.Tensor).data();
      for (const saturated of [true, false]) {
        const of = (all: ArrayLike<number>) => {
          const data = Array.from(all).filter((_, at) => (gates[at] === -48) === saturated);
          return { shape: [data.length], data };
        };
        await expectClose(of(values), of(expected), 1e-5, `${form}, saturated: ${saturated}`, 1e-30);
      }
    }
  });

  it('gives the same output without the last state', async () => {
    const drawn = inputs({ batch: 2, length: 37, nHeads: 2, headK: 5, headV: 7 });
    await expectClose(glaScanOutput(drawn, { nHeads: 2 }), glaScan(drawn, { nHeads: 2 }).o, 0);
  });

  it('names the shapes it was given', () => {
    const x = tf.zeros<tf.Rank.R3>([1, 2, 6]);
    expect(() => glaScan({ q: x, k: x, gk: x, v: x }, { nHeads: 4 })).toThrow(/with H = 4, got \[1, 2, 6\]/);
    x.dispose();
  });
});
