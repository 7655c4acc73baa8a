/** AdamW against the same steps in double precision, and against its reference form. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../../engines/index.js';
import { expectClose, testTensor } from '../../testing/index.js';
import * as tf from '../../tf.js';
import { withReferenceForms } from '../define-op.js';
import { type AdamWState, adamWStep, globalNorm } from './index.js';

const SHAPES = [[1], [7], [63, 3], [5000]] as [number][];
const OPTIONS = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: [0.1, 0, 0.1, 0.3] };

const start = (): AdamWState => ({
  params: SHAPES.map((shape, index) => testTensor(shape, index)),
  m: SHAPES.map((shape) => tf.zeros(shape)),
  v: SHAPES.map((shape) => tf.zeros(shape)),
});
const gradients = (step: number) => SHAPES.map((shape, index) => testTensor(shape, 10 * step + index));

function steps(count: number): AdamWState {
  let state = start();
  for (let step = 1; step <= count; step += 1) {
    const grads = gradients(step);
    state = adamWStep(state, grads, { ...OPTIONS, step, gradientScale: 1 / step });
    tf.dispose(grads);
  }
  return state;
}

describe('adamWStep', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('equals its reference form over steps, and leaks no tensor', async () => {
    const before = tf.memory().numTensors;
    const [actual, expected] = [steps(5), withReferenceForms(() => steps(5))];
    for (const part of ['params', 'm', 'v'] as const) {
      for (const [index, tensor] of actual[part].entries()) {
        await expectClose(tensor, expected[part][index] as tf.Tensor, 1e-6, `${part}[${index}]`);
      }
    }
    tf.dispose([actual, expected] as never);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('equals the formula in double precision', async () => {
    const state = steps(3);
    const params = await Promise.all(start().params.map((tensor) => tensor.data()));
    const decays = OPTIONS.weightDecay;
    for (const [index, values] of params.entries()) {
      const grads = await Promise.all([1, 2, 3].map((step) => (gradients(step)[index] as tf.Tensor).data()));
      const data = Float32Array.from(values, (value, i) => {
        let [p, m, v] = [value, 0, 0];
        for (const step of [1, 2, 3]) {
          const g = (grads[step - 1]?.[i] as number) / step;
          m = 0.9 * m + 0.1 * g;
          v = 0.95 * v + 0.05 * g * g;
          const direction = m / (1 - 0.9 ** step) / (Math.sqrt(v / (1 - 0.95 ** step)) + 1e-8);
          p -= 0.01 * (direction + (decays[index] as number) * p);
        }
        return p;
      });
      await expectClose(
        state.params[index] as tf.Tensor,
        { shape: SHAPES[index] as number[], data },
        1e-6,
        `params[${index}]`,
      );
    }
  });

  it('equals its reference form for tensors that engines may put together: of every rank, small and large', async () => {
    const shapes = [[3, 5], [], [5], [4, 5], [2, 5, 3], [9], [1, 5, 3], [20_000], [300, 64], [2, 64]];
    const step = () =>
      adamWStep(
        {
          params: shapes.map((shape, index) => testTensor(shape as [number], index)),
          m: shapes.map((shape, index) => testTensor(shape as [number], 20 + index)),
          v: shapes.map((shape, index) => testTensor(shape as [number], 40 + index).square()),
        },
        shapes.map((shape, index) => testTensor(shape as [number], 60 + index)),
        { ...OPTIONS, weightDecay: 0.1, step: 7, gradientScale: 0.5 },
      );
    const [actual, expected] = [step(), withReferenceForms(step)];
    for (const part of ['params', 'm', 'v'] as const) {
      for (const [index, tensor] of actual[part].entries()) {
        expect(tensor.shape).toEqual(shapes[index]);
        await expectClose(tensor, expected[part][index] as tf.Tensor, 1e-6, `${part}[${index}]`);
      }
    }
  });

  it('leaves clones of the parameters as they were', async () => {
    const state = start();
    const clones = state.params.map((tensor) => tensor.clone());
    adamWStep(state, gradients(1), { ...OPTIONS, step: 1 });
    for (const [index, tensor] of start().params.entries()) {
      expect(await (clones[index] as tf.Tensor).data()).toEqual(await tensor.data());
    }
  });

  it('refuses lists that do not match', () => {
    expect(() => adamWStep(start(), [], { ...OPTIONS, step: 1 })).toThrow(
      /expected gradients of the sizes of the parameters, got none for the 1 of parameter 0/,
    );
  });
});

describe('globalNorm', () => {
  it('equals its reference form', async () => {
    const tensors = gradients(1);
    await expectClose(
      globalNorm(tensors),
      withReferenceForms(() => globalNorm(tensors)),
      1e-6,
      'globalNorm',
    );
  });

  it('shows what is not finite', async () => {
    expect((await globalNorm([tf.tensor([1, NaN])]).data())[0]).toBeNaN();
    expect((await globalNorm([tf.tensor([1]), tf.tensor([-Infinity])]).data())[0]).toBe(Infinity);
  });
});
