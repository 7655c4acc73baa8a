import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseConfig } from '../config.js';
import { useEngine } from '../engines/index.js';
import { InvalidConfigError } from '../errors.js';
import { linear } from '../ops/linear/index.js';
import { expectClose, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { flattenTree } from '../tree.js';
import { type ConvolvedProjectionsConfig, createConvolvedProjections } from './convolved-projections.js';
import { createDepthwiseConvolution } from './depthwise-convolution.js';
import { filterCheck, filterOptions } from './filter-options.js';
import { createFilter, type FilterPlace, type SequenceFilter } from './filters.js';

beforeAll(async () => {
  await useEngine();
});

const token = (x: tf.Tensor3D, t: number) => x.slice([0, t, 0], [-1, 1, -1]).squeeze<tf.Tensor2D>([1]);
const place: FilterPlace = { name: 'kFilter', width: 6, nHeads: 3, filterWidth: 4, filterInit: 'uniform', dState: 2 };
const RESIDUAL_SILU = { filterResidual: true, filterActivation: 'silu' } as const;
const made = (filter: SequenceFilter | undefined) => filter as SequenceFilter;

describe.each<[string, () => SequenceFilter]>([
  ['perHead', () => made(createFilter('perHead', place))],
  ['perChannel', () => made(createFilter('perChannel', place))],
  ['headMixing', () => made(createFilter('headMixing', place))],
  ['exponential', () => made(createFilter('exponential', place))],
  ['diagonalSsm', () => made(createFilter('diagonalSsm', place))],
  ['residual', () => made(createFilter('perChannel', { ...place, filterResidual: true }))],
  ['residual, exponential', () => made(createFilter('exponential', { ...place, filterResidual: true }))],
  ['silu', () => made(createFilter('perHead', { ...place, filterActivation: 'silu' }))],
  ['residual, silu', () => made(createFilter('perChannel', { ...place, ...RESIDUAL_SILU }))],
  ['depthwise, with a bias', () => createDepthwiseConvolution(6, 4)],
  ['depthwise, one tap', () => createDepthwiseConvolution(6, 1)],
])('filter %s', (_, make) => {
  it('computes the same by step and by apply, and leaves the same state', async () => {
    const filter = make();
    const params = filter.init(3);
    const x = testTensor<tf.Rank.R3>([2, 7, 6]);
    let state = tf.zeros<tf.Rank.R3>([2, ...filter.stateShape]);
    const rows = Array.from({ length: 7 }, (_, t) => {
      const next = filter.step(params, token(x, t), state);
      expect(state.isDisposed).toBe(true);
      state = next.state;
      return next.y;
    });
    await expectClose(tf.stack(rows, 1), filter.apply(params, x), 1e-5);
    await expectClose(filter.stateAfter(params, x), state, 1e-5);
    // Fewer tokens than taps.
    const first = filter.step(params, token(x, 0), tf.zeros<tf.Rank.R3>([2, ...filter.stateShape]));
    await expectClose(filter.stateAfter(params, x.slice([0, 0, 0], [-1, 1, -1])), first.state, 1e-5);
  });
});

describe('createFilter', () => {
  it('has a parameter of its name, drawn from a stream of that name', async () => {
    const params = made(createFilter('perHead', place)).init(3);
    expect(flattenTree(params).map(([path, { shape }]) => [path, shape])).toEqual([['kFilter', [3, 4]]]);
    const other = made(createFilter('perHead', { ...place, name: 'qFilter' })).init(3);
    expect(await (other.qFilter as tf.Tensor).data()).not.toEqual(await (params.kFilter as tf.Tensor).data());
    const ssm = made(createFilter('diagonalSsm', place));
    expect(Object.keys(ssm.init(3).kFilter as object)).toEqual(['logRate', 'weight']);
    expect(ssm.noDecay).toEqual(['kFilter.logRate']);
  });

  it('is none without taps; exponentials have none to lack', () => {
    expect(createFilter('none', place)).toBeUndefined();
    expect(createFilter('perChannel', { ...place, filterWidth: 0 })).toBeUndefined();
    expect(createFilter('exponential', { ...place, filterWidth: 0 })).toBeDefined();
  });

  it('refuses heads that do not divide what they filter', () => {
    for (const kind of ['perHead', 'headMixing', 'exponential'] as const) {
      expect(() => createFilter(kind, { ...place, nHeads: 4 })).toThrow(InvalidConfigError);
    }
    expect(() => createFilter('perHead', { ...place, nHeads: 4 })).toThrow(
      'nHeads: expected a divisor of the width of kFilter, 6, got 4.',
    );
    expect(createFilter('perChannel', { ...place, nHeads: 4 })).toBeDefined();
  });

  it('starts at the identity, with a little noise', async () => {
    const x = testTensor<tf.Rank.R3>([1, 9, 6]);
    for (const kind of ['perHead', 'perChannel', 'headMixing'] as const) {
      const filter = made(createFilter(kind, { ...place, filterInit: 'delta' }));
      const change = filter.apply(filter.init(1), x).sub(x).abs().max();
      expect((await change.data())[0]).toBeLessThan(0.4);
      expect((await change.data())[0]).toBeGreaterThan(0);
      const residual = made(createFilter(kind, { ...place, filterInit: 'delta', filterResidual: true }));
      expect((await residual.apply(residual.init(1), x).sub(x).abs().max().data())[0]).toBeLessThan(0.4);
    }
  });

  it('adds what is filtered after the activation: x + silu(filter(x))', async () => {
    const x = testTensor<tf.Rank.R3>([2, 5, 6]);
    const bare = made(createFilter('perChannel', place));
    const params = bare.init(3);
    const filtered = bare.apply(params, x);
    const expected = x.add(filtered.mul(filtered.sigmoid()));
    const filter = made(createFilter('perChannel', { ...place, ...RESIDUAL_SILU }));
    await expectClose(filter.apply(params, x), expected, 1e-6);
    expect([filter.stateShape, filter.flops]).toEqual([bare.stateShape, bare.flops]);
  });

  it('keeps no tensor of a step but its results', () => {
    const filter = made(createFilter('perChannel', { ...place, ...RESIDUAL_SILU }));
    const params = filter.init(3);
    const [x, state] = [testTensor<tf.Rank.R2>([2, 6]), tf.zeros<tf.Rank.R3>([2, ...filter.stateShape])];
    const before = tf.memory().numTensors;
    const next = filter.step(params, x, state);
    tf.dispose([next.y, next.state]);
    expect(tf.memory().numTensors).toBe(before - 1);
  });
});

describe('filterCheck', () => {
  const schema = z.strictObject(filterOptions).check(filterCheck);

  it.each<[z.input<typeof schema>, RegExp]>([
    [{ filters: 'exponential', filterWidth: 5 }, /filterWidth: expected none without a short filter, got 5/],
    [{ filters: { v: 'diagonalSsm' }, filterInit: 'uniform' }, /filterInit: expected none without a short filter/],
    [{ filterWidth: 0, filterInit: 'uniform' }, /filterInit: expected none without a short filter with taps/],
    [{ dState: 2 }, /dState: expected none without a filter 'diagonalSsm', got 2/],
    [{ filters: 'none', filterResidual: true }, /filterResidual: expected none without a filter, got true/],
    [{ filterWidth: 0, filterActivation: 'silu' }, /filterActivation: expected none without a filter, got "silu"/],
  ])('refuses what filters do not use: %j', (config, message) => {
    expect(() => parseConfig(schema, config, 'mixer')).toThrow(message);
  });

  it('takes what one of them uses', () => {
    const config = { filters: { q: 'perHead', k: 'diagonalSsm' }, filterWidth: 5, dState: 2 } as const;
    expect(parseConfig(schema, config, 'mixer')).toEqual({
      ...config,
      filterInit: 'delta',
      filterResidual: false,
      filterActivation: 'none',
    });
  });
});

describe('createConvolvedProjections', () => {
  const config: ConvolvedProjectionsConfig = { dModel: 8, nHeads: 2, keyWidth: 4, valueWidth: 6, filterWidth: 3 };
  const x = testTensor<tf.Rank.R3>([2, 5, 8]);

  it('projects and no more without filters', async () => {
    const projections = createConvolvedProjections({ ...config, bias: true });
    const params = projections.init(3);
    const paths = flattenTree(params).map(([path, { shape }]) => `${path} ${shape}`);
    expect(paths).toEqual([
      ...['qProj.weight 8,4', 'qProj.bias 4', 'kProj.weight 8,4', 'kProj.bias 4'],
      ...['vProj.weight 8,6', 'vProj.bias 6'],
    ]);
    const { q, k, v } = projections.apply(params, x);
    expect([q, k, v].map(({ shape }) => shape[2])).toEqual([4, 4, 6]);
    expect(await k.data()).toEqual(await linear(x, params.kProj).data());
    expect(projections.stateSize).toBe(0);
    expect(projections.initState(2)).toEqual({});
    expect(projections.flops(5)).toBe(2 * 5 * 8 * (4 + 4 + 6));
    const before = tf.memory().numTensors;
    projections.apply(params, x);
    expect(tf.memory().numTensors).toBe(before + 3);
  });

  it.each<[string, ConvolvedProjectionsConfig]>([
    ['one kind for all', { ...config, filters: 'perHead' }],
    ['a kind for each', { ...config, filters: { q: 'headMixing', v: 'diagonalSsm' }, init: 'fanIn' }],
    ['depthwise', { ...config, nHeads: 1, filters: 'perChannel', bias: true }],
  ])('filters q, k and v of their own widths in every form: %s', async (_, given) => {
    const projections = createConvolvedProjections(given);
    const params = projections.init(3);
    const rows = projections.apply(params, x);
    const { parts, states } = projections.prefill(params, x);
    let stepped = projections.initState(2);
    let last: Record<string, tf.Tensor> = {};
    for (let t = 0; t < 5; t += 1) {
      const next = projections.step(params, token(x, t), stepped);
      [last, stepped] = [next.parts, next.states];
    }
    for (const role of ['q', 'k', 'v'] as const) {
      await expectClose(parts[role], rows[role], 0);
      await expectClose(last[role] as tf.Tensor, token(rows[role], 4), 1e-5);
    }
    expect(Object.keys(states)).toEqual(Object.keys(stepped));
    for (const [role, state] of Object.entries(states)) await expectClose(stepped[role] as tf.Tensor, state, 1e-5);
    const size = Object.values(states).reduce((total, state) => total + state.size / 2, 0);
    expect(projections.stateSize).toBe(size);
  });

  it('filters what it is told to alone', async () => {
    const projections = createConvolvedProjections({ ...config, filters: { k: 'exponential' } });
    const params = projections.init(3);
    expect(Object.keys(params)).toEqual(['qProj', 'kProj', 'vProj', 'kFilter']);
    expect(projections.noDecay).toEqual(['kFilter.logRate']);
    const [projected, rows] = [projections.project(params, x), projections.apply(params, x)];
    expect(await rows.q.data()).toEqual(await projected.q.data());
    expect(await rows.k.data()).not.toEqual(await projected.k.data());
  });
});
