import { tf, useEngine } from '@mixerzoo/core';
import { describeMixer, expectClose, reducedOnSoftware, stepThrough, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BlockParams } from './block.js';
import { mLstm } from './m-lstm.js';

// The LayerNorm of a small h is strongly curved: finer steps for the central differences.
const differenceStep = 5e-4;

describeMixer('mLstm, plain', () => mLstm({ dModel: 16, nHeads: 2 }), {
  lengths: [1, 7, 63, 64, 65, 130],
  differenceStep,
});
describeMixer(
  'mLstm, plain, filters',
  () => mLstm({ dModel: 16, nHeads: 2, filters: 'perChannel', filterWidth: 4, filterResidual: true }),
  { lengths: [1, 65], differenceStep, matMulShare: 0.8 },
);
describeMixer(
  'mLstm, plain, three heads of odd width, exponential forget gate without a cap',
  () => mLstm({ dModel: 9, nHeads: 3, headDim: 5, expandV: 0.6, forgetGate: 'exp', gateSoftCap: 0 }),
  { differenceStep },
);
/** Options of filters, which the layout `block` takes at their defaults alone. */
const FILTER_OPTIONS = ['filters', 'filterWidth', 'filterInit', 'filterResidual', 'filterActivation', 'dState'];
describeMixer('mLstm, block', () => mLstm({ dModel: 8, layout: 'block', nHeads: 2, init: 'zoology' }), {
  lengths: [1, 7, 65],
  differenceStep,
  idleOptions: Object.fromEntries(FILTER_OPTIONS.map((name) => [name, 'the layout has a convolution of its own'])),
});

describe('mLstm', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it.each([
    [1, 'plain', 1, 1, 2],
    [7, 'plain', 1, 3, 6],
    [64, 'plain', 4, 8, 16],
    [7, 'block', 2, 7, 7],
    [64, 'block', 4, 32, 32],
  ] as const)(
    'fits a width of %i by default, %s: %i heads of %i and %i columns',
    (dModel, layout, nHeads, headK, headV) => {
      const { config, stateSize } = mLstm({ dModel, layout });
      expect(config).toMatchObject({ nHeads });
      const filters = layout === 'block' ? 3 * 2 * dModel : 0;
      expect(stateSize(1)).toBe(nHeads * (headK * headV + headK + 1) + filters);
      expect(mLstm(config as never).config).toEqual(config);
    },
  );

  it.for(['plain', 'block'] as const)(
    'computes the same by step and by apply over 2,000 tokens: %s',
    async (layout, context) => {
      const length = await reducedOnSoftware(context, 'tokens stepped through', 2000, 200);
      const mixer = mLstm({ dModel: 8, nHeads: 2, layout });
      const params = mixer.init(1);
      const x = testTensor<tf.Rank.R3>([1, length, 8], 3);
      const parallel = tf.tidy(() => mixer.apply(params, x));
      const { y } = stepThrough(mixer, params, x);
      await expectClose(y, parallel, 5e-5, 'step against apply');
    },
  );

  it('starts the block as its code does: forget gates nearly open, over the heads', async () => {
    const params = mLstm({ dModel: 64, layout: 'block', projBlock: 16 }).init(1, 4) as BlockParams;
    const deviation = async (x: tf.Tensor) => (await tf.moments(x).variance.sqrt().data())[0] as number;
    expect([...(await params.fGate.bias.data())]).toEqual([3, 4, 5, 6]);
    for (const name of ['upProj', 'qProj', 'kProj', 'vProj'] as const) {
      expect((await deviation(params[name].weight)) / Math.sqrt(2 / (5 * 64)), name).toBeCloseTo(1, 1);
    }
    expect((await deviation(params.downProj.weight)) / (2 / (4 * 8)), 'downProj').toBeCloseTo(1, 1);
  });

  it('keeps the same forget gates with an exponential one', async () => {
    const [sigmoid, exp] = (['sigmoid', 'exp'] as const).map((forgetGate) => mLstm({ dModel: 8, forgetGate }).init(1));
    const open = (bias: tf.Tensor) => tf.sigmoid(bias).log();
    await expectClose(exp?.fGate.bias as tf.Tensor, open(sigmoid?.fGate.bias as tf.Tensor), 1e-5, 'log f');
  });

  it('refuses what does not fit', () => {
    expect(() => mLstm({ dModel: 8, dConv: 3 })).toThrow(/dConv: expected none without layout 'block', got 3/);
    expect(() => mLstm({ dModel: 8, layout: 'block', headDim: 3 })).toThrow(
      /headDim: expected none without layout 'plain'/,
    );
    expect(() => mLstm({ dModel: 8, layout: 'block', nHeads: 3 })).toThrow(
      /nHeads: expected a divisor of the inner width 16.*got 3/,
    );
    expect(() => mLstm({ dModel: 8, layout: 'block', projBlock: 5 })).toThrow(/projBlock: expected a divisor.*got 5/);
    expect(() => mLstm({ dModel: 8, headDim: 4, expandV: 0.3 })).toThrow(/whole number of columns.*0.3 times 4/);
  });
});
