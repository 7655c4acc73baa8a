import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { expectClose, testTensor } from '../testing/compare.js';
import { describeOp } from '../testing/describe-op.js';
import * as tf from '../tf.js';
import { defineOp, type OpDefinition, referenceGradient } from './define-op.js';

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
/** Its backward is an op whose own reference form is the gradient of the forward reference form. */
const backward = defineOp<Inputs & { dSum: tf.Tensor; dProduct: tf.Tensor }, Attrs, Inputs>({
  name: 'TestSumAndProductBackward',
  inputs: ['a', 'b', 'dSum', 'dProduct'],
  outputs: ['a', 'b'],
  reference: ({ dSum, dProduct, ...inputs }, attrs) =>
    referenceGradient(definition, inputs, { sum: dSum, product: dProduct }, attrs) as Inputs,
  gradient: 'none',
});
const byBackwardOp = defineOp<Inputs, Attrs, Outputs>({
  ...definition,
  name: 'TestSumAndProductByOp',
  gradient: ({ inputs, grads, attrs }) => backward({ ...inputs, dSum: grads.sum, dProduct: grads.product }, attrs),
});

const inputs = () => ({ a: testTensor<tf.Rank.R2>([3, 5], 1), b: testTensor<tf.Rank.R2>([3, 5], 2) });
describeOp(byReference, [
  { name: 'two inputs', inputs, attrs: { scale: 2 } },
  {
    name: 'an optional input',
    inputs: () => ({ ...inputs(), bias: testTensor<tf.Rank.R2>([3, 5], 3) }),
    attrs: { scale: -1 },
  },
]);
describeOp(byBackwardOp, [{ name: 'backward op', inputs, attrs: { scale: 2 } }]);

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
    const [dA, dB] = tf.grads((x: tf.Tensor, y: tf.Tensor) => byBackwardOp({ a: x, b: y }, { scale: 3 }).sum.sum())([
      a,
      b,
    ]);
    expect(await (dA as tf.Tensor).data()).toEqual(new Float32Array(15).fill(3));
    expect(await (dB as tf.Tensor).data()).toEqual(new Float32Array(15).fill(3));
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
