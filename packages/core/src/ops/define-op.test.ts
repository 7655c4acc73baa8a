import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { expectClose, testTensor } from '../testing/compare.js';
import { describeOp } from '../testing/describe-op.js';
import * as tf from '../tf.js';
import { defineOp, type GradientInputs, type OpDefinition } from './define-op.js';

type Inputs = { a: tf.Tensor; b: tf.Tensor; bias?: tf.Tensor };
type Attrs = { scale: number };
type Outputs = { sum: tf.Tensor; product: tf.Tensor };

const definition: OpDefinition<Inputs, Attrs, Outputs> = {
  name: 'TestSumAndProduct',
  inputs: ['a', 'b', 'bias'],
  outputs: ['sum', 'product'],
  reference: ({ a, b, bias }, { scale }) => ({
    sum: tf.mul(bias ? tf.add(tf.add(a, b), bias) : tf.add(a, b), scale),
    product: tf.mul(a, tf.square(b)),
  }),
};
const byReference = defineOp(definition);
const byOp = defineOp<Inputs, Attrs, Outputs>({ ...definition, name: 'TestByOp', gradient: {} });
/** By hand, from a sum that is saved for it. */
const byHand = defineOp<Inputs, Attrs, Outputs, { bSquared: tf.Tensor }>({
  name: 'TestByHand',
  inputs: definition.inputs,
  outputs: definition.outputs,
  saved: ['bSquared'],
  reference: (tensors, attrs) => ({ ...definition.reference(tensors, attrs), bSquared: tf.square(tensors.b) }),
  gradient: {
    reference: ({ a, b, bias, bSquared, dSum, dProduct }, { scale }) => ({
      a: tf.add(tf.mul(dSum, scale), tf.mul(dProduct, bSquared)),
      b: tf.add(tf.mul(dSum, scale), tf.mul(tf.mul(dProduct, a), tf.mul(b, 2))),
      ...(bias && { bias: tf.mul(dSum, scale) }),
    }),
  },
});
const byFunction = defineOp<Inputs, Attrs, Outputs>({
  ...definition,
  name: 'TestByFunction',
  gradient: (tensors, attrs) => byOp.gradient?.(tensors, attrs) as Inputs,
});

const inputs = () => ({ a: testTensor<tf.Rank.R2>([3, 5], 1), b: testTensor<tf.Rank.R2>([3, 5], 2) });
for (const op of [byReference, byOp, byHand as unknown as typeof byOp, byFunction]) {
  describeOp(op, [
    { name: 'two inputs', inputs, attrs: { scale: 2 } },
    {
      name: 'an optional input',
      inputs: () => ({ ...inputs(), bias: testTensor<tf.Rank.R2>([3, 5], 3) }),
      attrs: { scale: -1 },
    },
  ]);
}

describe('defineOp', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('survives a gradient inside a gradient: later ops of the outer tape keep theirs', async () => {
    const a = testTensor<tf.Rank.R1>([4], 1);
    const gradient = tf.grad((x: tf.Tensor) => {
      const { product } = byReference({ a: tf.sin(x), b: tf.cos(x) }, { scale: 1 });
      return byReference({ a: product, b: x }, { scale: 1 }).product.sum();
    })(a);
    const plain = tf.grad((x: tf.Tensor) => tf.sin(x).mul(tf.cos(x).square()).mul(x.square()).sum())(a);
    await expectClose(gradient, plain, 1e-5);
  });

  it('differentiates through the output that is used, and gives zero where none is', async () => {
    const { a, b } = inputs();
    const [dA, dB] = tf.grads((x: tf.Tensor, y: tf.Tensor) => byOp({ a: x, b: y }, { scale: 3 }).sum.sum())([a, b]);
    expect(await (dA as tf.Tensor).data()).toEqual(new Float32Array(15).fill(3));
    expect(await (dB as tf.Tensor).data()).toEqual(new Float32Array(15).fill(3));
  });

  it('names the op and the input whose gradient was left out', () => {
    const { a, b } = inputs();
    const differentiate = (op: typeof byOp) => () =>
      tf.grads((x: tf.Tensor, y: tf.Tensor) => op({ a: x, b: y }, { scale: 1 }).product.sum())([a, b]);
    const left = ({ dProduct }: Pick<GradientInputs<Inputs, Outputs>, 'dProduct'>) => ({ a: dProduct });
    // @ts-expect-error: TypeScript names it too
    const forgetful = defineOp<Inputs, Attrs, Outputs>({ ...definition, name: 'TestForgetful', gradient: left });
    const forgetfulByOp = defineOp<Inputs, Attrs, Outputs>({
      ...definition,
      name: 'TestForgetfulByOp',
      // @ts-expect-error: here too
      gradient: { reference: left },
    });
    expect(differentiate(forgetful)).toThrow("TestForgetful: expected a gradient of 'b', got none.");
    expect(differentiate(forgetfulByOp)).toThrow(
      "TestForgetfulByOpGradient: expected 'b' of its kernel or reference form, got none.",
    );
  });

  it('refuses the gradient of what has none, and gives that of the rest', async () => {
    const { a, b } = inputs();
    for (const [index, gradient] of [{ reference: partly }, partly].entries()) {
      const op = defineOp<Inputs, Attrs, Outputs>({ ...definition, name: `TestPartly${index}`, gradient });
      const sum = (x: tf.Tensor, y: tf.Tensor) => op({ a: x, b: y }, { scale: 1 }).product.sum();
      await expectClose(tf.grad((x: tf.Tensor) => sum(x, b))(a), b.square(), 1e-6);
      expect(() => tf.grad((y: tf.Tensor) => sum(a, y))(b)).toThrow("the gradient of 'b', which has none");
    }
    function partly({ b: factor, dProduct }: Inputs & { dProduct: tf.Tensor }) {
      return { a: tf.mul(dProduct, tf.square(factor)), b: null };
    }
  });

  it('lets TensorFlow.js walk through an input of int32', async () => {
    const rows = defineOp<{ x: tf.Tensor; at: tf.Tensor }, Record<string, never>, { y: tf.Tensor }>({
      name: 'TestRows',
      inputs: ['x', 'at'],
      integerInputs: ['at'],
      outputs: ['y'],
      reference: ({ x, at }) => ({ y: tf.gather(x, at.toInt().as1D()) }),
      gradient: {},
    });
    const gradient = tf.grad((x: tf.Tensor) => rows({ x, at: x.mul(0).toInt() }, {}).y.sum())(tf.tensor1d([3, 5]));
    expect([...(await gradient.data())]).toEqual([2, 0]);
  });

  it('holds its callers to the dtype of its inputs', () => {
    const { a, b } = inputs();
    expect(() => byReference({ a: a.toInt(), b }, { scale: 1 })).toThrow(
      /TestSumAndProduct: expected 'a' of dtype float32, got int32/,
    );
    const picks = defineOp<{ x: tf.Tensor; at: tf.Tensor }, Record<string, never>, { y: tf.Tensor }>({
      name: 'TestPick',
      inputs: ['x', 'at'],
      integerInputs: ['at'],
      outputs: ['y'],
      reference: ({ x, at }) => ({ y: tf.gather(x, at as tf.Tensor1D) }),
    });
    expect(picks({ x: a, at: tf.tensor1d([1, 1], 'int32') }, {}).y.shape).toEqual([2, 5]);
    expect(() => picks({ x: a, at: tf.tensor1d([1, 1]) }, {})).toThrow(/'at' of dtype int32, got float32/);
  });

  it('refuses a name that is not PascalCase', () => {
    expect(() => defineOp({ ...definition, name: 'sum' })).toThrow(/PascalCase/);
  });
});
