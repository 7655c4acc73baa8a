/** A decayed sum behind a gate, `s_t = 0.9 s_{t-1} + v_t`, `y = (s o g) W_o`, described in the three ways that there are. */
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { useEngine } from '../engines/index.js';
import { defineMixer, type MixerForms } from '../mixer.js';
import { linear } from '../ops/linear/index.js';
import { foldIn } from '../rng.js';
import { describeMixer, expectClose, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { flattenTree } from '../tree.js';
import { createDepthwiseConvolution } from './depthwise-convolution.js';
import { createFilter, type SequenceFilter } from './filters.js';
import { initProjection, type Projection } from './projection.js';
import { createScanMixer, type ScanState } from './scan-mixer.js';

const DECAY = 0.9;
type Sum = { sum: tf.Tensor2D };
type Params = { vProj: Projection; gProj: Projection; oProj: Projection };
type Rows<T extends tf.Tensor> = { readonly v: T };
const schema = z.strictObject({ dModel: z.int().positive() });
let statesAsked = 0;

const token = (_: unknown, { v }: Rows<tf.Tensor2D>, past: Sum) => {
  const sum = past.sum.mul(DECAY).add<tf.Tensor2D>(v);
  return { o: sum, state: { sum } };
};
/** Row t holds 0.9^(t - s) up to column t. */
const scan = (_: unknown, { v }: Rows<tf.Tensor3D>, past?: Sum) => {
  const [batch, length, width] = v.shape;
  const back = tf.range(0, length).expandDims(1).sub(tf.range(0, length));
  const weights = tf.where(back.less(0), tf.zerosLike(back), tf.pow(DECAY, back));
  const sums = tf.matMul(weights.expandDims<tf.Tensor3D>(0).tile([batch, 1, 1]), v) as tf.Tensor3D;
  const carried = tf.pow(DECAY, tf.range(1, length + 1)).reshape([length, 1]);
  const o = past ? sums.add<tf.Tensor3D>(carried.mul(past.sum.expandDims(1))) : sums;
  return {
    o,
    state() {
      statesAsked += 1;
      return { sum: o.slice([0, length - 1, 0], [batch, 1, width]).squeeze<tf.Tensor2D>([1]) };
    },
  };
};

function decayedSum(
  forms: { token: typeof token } | { scan: typeof scan } | { token: typeof token; scan: typeof scan },
  filterOf: (dModel: number) => SequenceFilter | undefined = () => undefined,
) {
  return defineMixer({
    name: 'decayedSum',
    summary: 'a decayed sum behind a gate',
    schema,
    create({ dModel }): MixerForms<Params, ScanState<Sum>> {
      const filter = filterOf(dModel);
      return createScanMixer<Params, 'v' | 'g', Sum>({
        init: (seed, nLayers = 1) => ({
          vProj: initProjection([dModel, dModel], foldIn(seed, 'vProj')),
          gProj: initProjection([dModel, dModel], foldIn(seed, 'gProj')),
          oProj: initProjection([dModel, dModel], foldIn(seed, 'oProj'), { nLayers }),
          ...filter?.init(seed),
        }),
        project: (params, x) => ({ v: linear(x, params.vProj), g: linear(x, params.gProj) }),
        ...(filter && { filters: { v: filter } }),
        noDecay: ['gProj.weight'],
        state: { sum: [dModel] },
        ...forms,
        readOut: (params, o, { g }) => linear(o.mul(g), params.oProj),
        flops: (seqLen) => 6 * seqLen * dModel ** 2 + 2 * seqLen ** 2 * dModel + seqLen * (filter?.flops ?? 0),
      });
    },
  })({ dModel: 8 });
}

const options = { matMulShare: 0.3 };
describeMixer('decayedSum by its token', () => decayedSum({ token }), options);
describeMixer('decayedSum by its scan', () => decayedSum({ scan }), options);
describeMixer('decayedSum by both', () => decayedSum({ token, scan }), options);
describeMixer(
  'decayedSum, filtered',
  () => decayedSum({ scan }, (dModel) => createDepthwiseConvolution(dModel, 3)),
  options,
);

describe('createScanMixer', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('computes the same from the token, the scan, or both', async () => {
    const x = testTensor<tf.Rank.R3>([2, 9, 8]);
    const [byToken, byScan, byBoth] = [decayedSum({ token }), decayedSum({ scan }), decayedSum({ token, scan })];
    const params = byToken.init(3);
    const filled = [byToken, byScan, byBoth].map((mixer) => mixer.prefill(params, x));
    for (const { y, state } of filled.slice(1)) {
      await expectClose(y, filled[0]?.y as tf.Tensor, 1e-5);
      await expectClose(state.sum, filled[0]?.state.sum as tf.Tensor, 1e-5);
    }
  });

  it('has a gradient through a single token', async () => {
    const mixer = decayedSum({ token });
    const params = mixer.init(3);
    const gradients = [1, 2].map((length) => {
      const x = testTensor<tf.Rank.R3>([2, 2, 8]).slice([0, 0, 0], [2, length, 8]);
      return tf.grad((at) => mixer.apply(params, at).slice([0, 0, 0], [2, 1, 8]).sum())(x);
    }) as [tf.Tensor, tf.Tensor];
    await expectClose(gradients[0], gradients[1].slice([0, 0, 0], [2, 1, 8]), 1e-6);
  });

  it('asks the scan for its state where one is returned, and not in apply', () => {
    const mixer = decayedSum({ token, scan });
    const params = mixer.init(3);
    const x = testTensor<tf.Rank.R3>([2, 9, 8]);
    const before = statesAsked;
    mixer.apply(params, x);
    expect(statesAsked).toBe(before);
    mixer.prefill(params, x);
    expect(statesAsked).toBe(before + 1);
  });

  it('spares from weight decay what mixer and filters name', () => {
    const place = { name: 'vFilter', width: 8, nHeads: 2, filterWidth: 3, filterInit: 'delta', dState: 2 } as const;
    const mixer = decayedSum({ token }, () => createFilter('exponential', place));
    expect(mixer.noDecay).toEqual(['gProj.weight', 'vFilter.logRate']);
  });

  it('holds the state of scan and filters by name, and counts both', () => {
    const mixer = decayedSum({ token }, (dModel) => createDepthwiseConvolution(dModel, 4));
    const leaves = flattenTree(mixer.initState(2)).map(([path, { shape }]) => `${path} ${shape}`);
    expect(leaves).toEqual(['sum 2,8', 'filters.v 2,3,8']);
    expect(mixer.stateSize(5)).toBe(8 + 3 * 8);
  });
});
