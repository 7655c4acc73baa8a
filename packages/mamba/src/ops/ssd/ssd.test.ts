/** SSD at saturated gates, held to central differences of the recurrence in double precision. */
import { createRng, tf, useEngine } from '@mixerzoo/core';
import { withReferenceForms } from '@mixerzoo/core/kernels';
import { expectClose, gradientsOf } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { ssd } from './index.js';

const [L, H, P, N] = [96, 2, 3, 4] as const; // one sequence, one group, two chunks

type Numbers = Record<'x' | 'dt' | 'A' | 'B' | 'C', Float64Array>;

/** Inputs whose values float32 holds exactly; every `every`-th token forgets what was before it. */
function drawn(every: number): Numbers {
  const rng = createRng(3);
  const draw = (size: number, value: (at: number) => number) =>
    Float64Array.from({ length: size }, (_, at) => Math.fround(value(at)));
  const normal = () => rng.normal();
  return {
    x: draw(L * H * P, normal),
    dt: draw(L * H, (at) => (Math.floor(at / H) % every === 2 ? 4_000 : 0.001 + 0.1 * rng.uniform())),
    A: draw(H, (head) => -1 - head),
    B: draw(L * N, normal),
    C: draw(L * N, normal),
  };
}

/** y [L, H, P] by the recurrence. */
function recurrence({ x, dt, A, B, C }: Numbers): Float64Array {
  const y = new Float64Array(L * H * P);
  for (let head = 0; head < H; head += 1) {
    const state = new Float64Array(P * N);
    for (let t = 0; t < L; t += 1) {
      const step = dt[t * H + head] as number;
      const decay = Math.exp(step * (A[head] as number));
      for (let p = 0; p < P; p += 1) {
        const at = (t * H + head) * P + p;
        for (let n = 0; n < N; n += 1) {
          const cell = p * N + n;
          state[cell] = decay * (state[cell] as number) + step * (x[at] as number) * (B[t * N + n] as number);
          y[at] = (y[at] as number) + (state[cell] as number) * (C[t * N + n] as number);
        }
      }
    }
  }
  return y;
}

const SATURATED = 4_000;

/** The gradient of <weights, y>, y without the tokens that saturate: those outputs are large, and hide the others. */
function centralDifferences(numbers: Numbers, name: 'A' | 'dt', weights: Float64Array): Float64Array {
  const loss = (values: Float64Array) =>
    recurrence({ ...numbers, [name]: values }).reduce((sum, y, at) => sum + y * (weights[at] as number), 0);
  return numbers[name].map((value, at) => {
    const step = 1e-5 * Math.abs(value);
    const moved = (by: number) => loss(numbers[name].map((other, index) => (index === at ? other + by : other)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

describe('ssd at saturated gates', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.each([
    ['now and then', 17],
    ['often', 4],
  ])('has the gradients of double precision, in the reference form and in the kernels: %s', async (_, every) => {
    const numbers = drawn(every);
    const rng = createRng(5);
    const weights = Float64Array.from({ length: L * H * P }, (_, at) =>
      numbers.dt[Math.floor(at / P)] === SATURATED ? 0 : Math.fround(rng.normal()),
    );
    const tensor = <R extends tf.Rank>(values: Float64Array, shape: tf.ShapeMap[R]) =>
      tf.tensor<R>(Float32Array.from(values), shape);
    const [x, B, C] = [
      tensor<tf.Rank.R4>(numbers.x, [1, L, H, P]),
      tensor<tf.Rank.R4>(numbers.B, [1, L, 1, N]),
      tensor<tf.Rank.R4>(numbers.C, [1, L, 1, N]),
    ];
    const found = () =>
      gradientsOf(
        ([A, dt]) =>
          ssd({ x, dt: dt as tf.Tensor3D, A: A as tf.Tensor1D, B, C })
            .y.mul(tensor(weights, [1, L, H, P]))
            .sum(),
        [tensor<tf.Rank.R1>(numbers.A, [H]), tensor<tf.Rank.R3>(numbers.dt, [1, L, H])],
      );
    const expected = {
      A: { shape: [H], data: centralDifferences(numbers, 'A', weights) },
      dt: { shape: [1, L, H], data: centralDifferences(numbers, 'dt', weights) },
    };
    for (const [form, [dA, dDt]] of Object.entries({ kernel: found(), reference: withReferenceForms(found) })) {
      await expectClose(dA as tf.Tensor, expected.A, 2e-6, `${form}: dA`);
      await expectClose(dDt as tf.Tensor, expected.dt, 2e-6, `${form}: d dt`);
    }
    expect(Math.abs(expected.A.data[0] as number)).toBeGreaterThan(0.1);
  });
});
