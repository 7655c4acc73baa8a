/** A short filter before any mixer, held to the contract of mixers. */
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { useEngine } from '../engines/index.js';
import { defineMixer, type Mixer, type MixerFactory } from '../mixer.js';
import { describeMixer, expectClose, stacked, stepThrough, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { flattenTree } from '../tree.js';
import { averagingMixer } from './__fixtures__/averaging-mixer.js';
import { remembering } from './__fixtures__/remembering-mixer.js';
import { shortFilter, shortFilterOptions } from './short-filter.js';

/** A mixer behind a filter whose options are the factory's, as `describeMixer` varies them. */
const behindFilter = (inner: MixerFactory) =>
  defineMixer({
    name: 'behindFilter',
    summary: '',
    schema: z.strictObject({ dModel: z.int(), ...shortFilterOptions, place: z.any().optional() }),
    atLayer: (config, place) => ({ ...config, place }),
    create({ dModel, place, ...options }) {
      const mixer = shortFilter({ dModel, inner: inner({ dModel }) as Mixer, ...options });
      const placed: Mixer = (place && mixer.atLayer?.(place)) ?? mixer;
      const { name: _name, config: _config, ...forms } = placed;
      return forms;
    },
  });
const alone = { idleOptions: { place: 'a model sets it' } };
const averaging = behindFilter(averagingMixer as unknown as MixerFactory);

describeMixer('shortFilter', () => averaging({ dModel: 8 }), alone);
describeMixer('shortFilter, one tap', () => averaging({ dModel: 7, width: 1 }), alone);
describeMixer(
  'shortFilter, wide, silu, no residual',
  () => averaging({ dModel: 6, width: 8, residual: false, activation: 'silu', init: 'delta' }),
  { ...alone, matMulShare: 0.85 },
);
describeMixer(
  'shortFilter around layers that share',
  () => stacked(behindFilter(remembering as unknown as MixerFactory), 2)({ dModel: 6, width: 3 }),
  { ...alone, scaledByDepth: false, differenceStep: 1e-2, matMulShare: 0.6 },
);

describe('shortFilter', () => {
  const D = 6;
  const inner = averagingMixer({ dModel: D });
  beforeAll(async () => {
    await useEngine();
  });

  it('is the mixer of x and its last tokens', async () => {
    const mixer = shortFilter({ dModel: D, inner, width: 3 });
    const params = mixer.init(2);
    const x = testTensor<tf.Rank.R3>([2, 7, D]);
    const filter = params.filter;
    const delayed = [0, 1, 2].map((delay) => {
      const past = tf
        .pad(x, [
          [0, 0],
          [delay, 0],
          [0, 0],
        ])
        .slice([0, 0, 0], [-1, 7, -1]);
      return past.mul(filter.slice([0, delay], [-1, 1]).reshape([D]));
    });
    const expected = inner.apply(params.inner as never, tf.addN([x, ...delayed]) as tf.Tensor3D);
    await expectClose(mixer.apply(params, x), expected, 1e-5);
  });

  it('starts its mixer as it does alone, and its filter as it is told', async () => {
    const taps = async (options: object) =>
      (await shortFilter({ dModel: 256, inner: averagingMixer({ dModel: 256 }), ...options })
        .init(1)
        .filter.data()) as Float32Array;
    const params = shortFilter({ dModel: D, inner }).init(5);
    await expectClose(
      new Map(flattenTree(params)).get('inner.vProj.weight') as tf.Tensor,
      inner.init(5).vProj.weight,
      0,
    );
    const most = (values: Float32Array) => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const uniform = await taps({});
    expect(most(uniform)).toBeLessThanOrEqual(0.5); // 1 / sqrt(4)
    expect(most(uniform)).toBeGreaterThan(0.49);
    expect(most(await taps({ init: 'delta' }))).toBeLessThan(0.1);
    const delta = await taps({ init: 'delta', residual: false, width: 2 });
    expect(most(delta.filter((_, index) => index % 2 === 1))).toBeLessThan(0.1);
    expect(most(delta.filter((_, index) => index % 2 === 0).map((value) => value - 1))).toBeLessThan(0.1);
  });

  it('hands on what its mixer declares, below its name', () => {
    const layer = shortFilter({ dModel: D, inner: remembering({ dModel: D, layer: 1, nLayers: 2 }) });
    expect(layer.factors).toEqual({ 'inner.depth': { learningRate: 2 } });
    const declaring = { ...inner, noDecay: ['vProj.weight'], softForm: true, stateRoom: () => 5 };
    const around = shortFilter({ dModel: D, inner: declaring });
    expect([around.noDecay, around.softForm, around.stateRoom?.(3)]).toEqual([['inner.vProj.weight'], true, 5]);
    expect(around.stateSize(9)).toBe(3 * D + inner.stateSize(9));
    expect(around.flops(9)).toBe(9 * 2 * 4 * D + inner.flops(9));
  });

  it('has a config that tells the mixer, as JSON', () => {
    const { config } = shortFilter({ dModel: D, inner, width: 2 });
    expect(config).toEqual({
      dModel: D,
      width: 2,
      residual: true,
      activation: 'none',
      init: 'uniform',
      inner: { name: 'averaging', config: { dModel: D, auxiliary: 0 } },
    });
    const other = shortFilter({ dModel: D, inner: averagingMixer({ dModel: D, auxiliary: 1 }), width: 2 });
    const params = shortFilter({ dModel: D, inner, width: 2 }).init(1);
    expect(() => other.apply(params, tf.ones([1, 2, D]))).toThrow(/expected parameters of this mixer/);
  });

  it('refuses what is no mixer, other widths, and filters that its mixer has not', () => {
    expect(() => shortFilter({ dModel: D, inner: {} as Mixer })).toThrow(/inner: expected a mixer/);
    expect(() => shortFilter({ dModel: D, inner, width: 0 })).toThrow(/shortFilter: width/);
    expect(() => shortFilter({ dModel: 8, inner })).toThrow(
      "shortFilter: expected 'averaging' of the dModel 8, got 6. Give both the same width.",
    );
    expect(() => shortFilter({ dModel: D, inner }).withFilters?.(true)).toThrow(
      /averaging: expected a mixer with a place for filters on what it projects \(B\), got one without/,
    );
  });

  it('goes on from a prefill of fewer tokens than taps', async () => {
    const mixer = shortFilter({ dModel: D, inner, width: 8 });
    const params = mixer.init(1);
    const x = testTensor<tf.Rank.R3>([1, 11, D]);
    const { y, state } = mixer.prefill(params, x.slice([0, 0, 0], [-1, 3, -1]));
    const rest = stepThrough(mixer, params, x.slice([0, 3, 0]), state);
    await expectClose(tf.concat([y, rest.y], 1), mixer.apply(params, x), 1e-5);
    expect(flattenTree(rest.state).map(([path]) => path)).toEqual(['filter', 'inner.sum', 'inner.count']);
  });
});
