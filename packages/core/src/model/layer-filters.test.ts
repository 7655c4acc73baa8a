/** Short filters at the places of a layer: A, C and D; B is a mixer's own (`blocks/filter-options.test.ts`). */
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { useEngine } from '../engines/index.js';
import { InvalidConfigError } from '../errors.js';
import { defineMixer } from '../mixer.js';
import { expectClose, expectGradient } from '../testing/index.js';
import * as tf from '../tf.js';
import { flattenTree, treeSize, treeTensors, withTensors } from '../tree.js';
import { averagingMixer } from './__fixtures__/averaging-mixer.js';
import { remembering } from './__fixtures__/remembering-mixer.js';
import { B, batch, build, D, idsOf, L, leaf, mixer, perturbed, scalarValue } from './__fixtures__/small-model.js';
import { defineChannelMixer, mlp, swiGlu } from './channel-mixer.js';
import { disposeState, type LanguageModelParams } from './language-model.js';
import type { LayerSpec } from './layer.js';
import { shortFilter } from './short-filter.js';

beforeAll(async () => {
  await useEngine();
});

const swish = swiGlu({ dModel: D, dHidden: 8 });
const perceptron = mlp({ dModel: D, dHidden: 8 });
const modelOf = (...layers: LayerSpec[]) => build({ layers });
const paths = (params: LanguageModelParams) => flattenTree(params).map(([path]) => path);

/** y_t = sum_j F_j x_{t - j} per column, in plain ops; x [B, L, w], F [w, W]. */
function convolved(x: tf.Tensor, filter: tf.Tensor): tf.Tensor {
  const [width, taps] = filter.shape as [number, number];
  const delayed = Array.from({ length: taps }, (_, delay) => {
    const past = tf
      .pad(x, [
        [0, 0],
        [delay, 0],
        [0, 0],
      ])
      .slice([0, 0, 0], [-1, x.shape[1] as number, -1]);
    return past.mul(filter.slice([0, delay], [-1, 1]).reshape([width]));
  });
  return tf.addN(delayed);
}

const CASES: [string, LayerSpec[]][] = [
  ['A', [{ sequenceMixer: mixer, shortFilters: { A: true } }]],
  [
    'A, C and D of a gated perceptron, last and before another layer',
    [
      { sequenceMixer: mixer, channelMixer: swish, shortFilters: { A: { width: 2 }, C: { width: 3 }, D: true } },
      {
        sequenceMixer: mixer,
        channelMixer: swish,
        shortFilters: { C: { activation: 'silu' }, D: { residual: false } },
      },
    ],
  ],
  [
    'D of a perceptron beside its mixer',
    [{ sequenceMixer: mixer, channelMixer: perceptron, residual: 'parallel', shortFilters: { D: { width: 8 } } }],
  ],
  [
    'C alone, beside its mixer, of one tap',
    [{ sequenceMixer: mixer, channelMixer: perceptron, residual: 'parallel', shortFilters: { C: { width: 1 } } }],
  ],
  [
    'A in a layer of a mixer alone, and around layers that share',
    [
      { sequenceMixer: remembering({ dModel: D }), residual: 'mixerOnly', shortFilters: { A: true } },
      { sequenceMixer: remembering({ dModel: D }), residual: 'mixerOnly', shortFilters: { A: true } },
    ],
  ],
];

describe.each(CASES)('filters at %s', (_, layers) => {
  const model = modelOf(...layers);
  let params: LanguageModelParams;
  beforeAll(() => {
    params = perturbed(model.init(3));
  });

  it('generate by step what the parallel form says, after a prefill too, and hold the state that they say', async () => {
    const ids = idsOf(batch());
    const parallel = tf.tidy(() => model.logits(params, model.hidden(params, ids)));
    const before = tf.memory().numTensors;
    for (const prefix of [0, 2, 5]) {
      let state = model.initState(B);
      const logits: tf.Tensor[] = [];
      if (prefix > 0) {
        disposeState(state);
        const head = tf.slice(ids, [0, 0], [-1, prefix]);
        const filled = model.prefill(params, head);
        logits.push(filled.logits);
        state = filled.state;
        head.dispose();
      }
      for (let t = prefix; t < L; t += 1) {
        const token = tf.tidy(() => tf.slice(ids, [0, t], [-1, 1]).reshape<tf.Tensor1D>([B]));
        const stepped = model.step(params, token, state);
        token.dispose();
        logits.push(stepped.logits);
        state = stepped.state;
      }
      const joined = tf.stack(logits, 1);
      const tail = tf.slice(parallel, [0, Math.max(0, prefix - 1), 0]);
      await expectClose(joined, tail, 5e-5, `prefix ${prefix}`);
      expect(treeSize(state.layers)).toBe(B * model.stateSize(L));
      disposeState(state);
      tf.dispose([joined, tail, ...logits]);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('see every token, where only some are labelled', async () => {
    const examples = batch(0.3);
    const expected = tf.tidy(() => {
      const logits = model.logits(params, model.hidden(params, idsOf(examples))).reshape([B * L, -1]);
      const at = [...examples.labels.keys()].filter((index) => (examples.labels[index] as number) >= 0);
      const rows = tf.gather(tf.logSoftmax(logits), tf.tensor1d(at, 'int32'));
      const labels = tf.tensor1d(
        at.map((index) => examples.labels[index] as number),
        'int32',
      );
      return rows
        .mul(tf.oneHot(labels, rows.shape[1] as number))
        .sum()
        .div(-at.length);
    });
    expect(await scalarValue(() => model.loss(params, examples).loss)).toBeCloseTo(
      (await expected.data())[0] as number,
      4,
    );
  });

  it('have the gradient of central differences', async () => {
    const examples = batch();
    const evaluate = (tensors: tf.Tensor[]) =>
      model.loss(withTensors(params, tensors) as typeof params, examples).loss.flatten();
    const at = treeTensors(params) as tf.Tensor[];
    const gradients = tf.grads((...tensors: tf.Tensor[]) => evaluate(tensors).sum())(at);
    for (const [index, path] of paths(params).entries()) {
      const most = (await tf.tidy(() => tf.max(tf.abs(gradients[index] as tf.Tensor))).data())[0] as number;
      if (/[fF]ilter/.test(path)) expect(most, path).toBeGreaterThan(0);
    }
    await expectGradient({ at, gradients, weights: [1], evaluate, names: paths(params), step: 1e-3 });
  });

  it('are counted: parameters, and FLOPs of W multiply-adds a column', () => {
    expect(model.parameterCount).toBe(treeSize(params));
    const bare = modelOf(...layers.map(({ shortFilters: _shortFilters, ...layer }) => layer));
    const taps = flattenTree(params).filter(([path]) => /[fF]ilter$/.test(path));
    const sizes = taps.reduce((total, [, { size }]) => total + size, 0);
    expect(taps.length).toBeGreaterThan(0);
    expect(model.parameterCount - bare.parameterCount).toBe(sizes);
    expect(model.flops(L) - bare.flops(L)).toBe(2 * L * sizes);
  });
});

describe('filters of a layer', () => {
  it('are what the formula says: A, C and D of a gated perceptron', async () => {
    const layer = { sequenceMixer: mixer, channelMixer: swish };
    const model = modelOf({
      ...layer,
      shortFilters: { A: true, C: { width: 2, activation: 'silu' }, D: { residual: false } },
    });
    const params = perturbed(model.init(4));
    const at = (path: string) => leaf(params, `layers.0.${path}`);
    const norm = (x: tf.Tensor, name: string) => {
      const centred = x.sub(x.mean(-1, true));
      const scaled = centred.div(centred.square().mean(-1, true).add(1e-5).sqrt());
      return scaled.mul(leaf(params, `${name}.weight`)).add(leaf(params, `${name}.bias`));
    };
    const dense = (x: tf.Tensor, path: string) => {
      const weight = at(path) as tf.Tensor2D;
      return tf.matMul(x.reshape<tf.Tensor2D>([-1, weight.shape[0]]), weight).reshape([B, L, weight.shape[1]]);
    };
    const silu = (x: tf.Tensor) => x.mul(x.sigmoid());
    const ids = idsOf(batch());
    const expected = tf.tidy(() => {
      const entered = tf.gather(params.embedding.weight, ids.flatten()).reshape([B, L, D]);
      const first = norm(entered, 'layers.0.norm1');
      const a = first.add(convolved(first, at('mixer.filter')));
      const mixed = mixer.apply(params.layers['0']?.mixer['inner'] as never, a as tf.Tensor3D);
      const between = entered.add(mixed);
      const second = norm(between, 'layers.0.norm2');
      const c = second.add(silu(convolved(second, at('channel.filter'))));
      const gate = convolved(dense(c, 'channel.inner.gateProj.weight'), at('channel.gateFilter'));
      const up = convolved(dense(c, 'channel.inner.upProj.weight'), at('channel.upFilter'));
      const out = between.add(dense(silu(gate).mul(up), 'channel.inner.downProj.weight'));
      return norm(out, 'normF');
    });
    await expectClose(
      tf.tidy(() => model.hidden(params, ids)),
      expected,
      2e-5,
    );
  });

  it('have parameters of their own, beside those of the parts, which start as without', async () => {
    const parts = { sequenceMixer: mixer, channelMixer: swish };
    const params = modelOf({ ...parts, shortFilters: { A: true, C: true, D: true } }).init(1);
    const layer = paths(params).filter((path) => path.startsWith('layers.0.') && !path.includes('norm'));
    expect(layer.map((path) => `${path.slice('layers.0.'.length)} ${leaf(params, path).shape}`)).toEqual([
      'mixer.filter 6,4',
      'mixer.inner.vProj.weight 6,6',
      'mixer.inner.oProj.weight 6,6',
      'channel.filter 6,4',
      'channel.gateFilter 8,4',
      'channel.upFilter 8,4',
      'channel.inner.gateProj.weight 6,8',
      'channel.inner.upProj.weight 6,8',
      'channel.inner.downProj.weight 8,6',
    ]);
    const bare = modelOf(parts).init(1);
    for (const path of ['mixer.oProj.weight', 'channel.upProj.weight']) {
      const [part, rest] = [path.slice(0, path.indexOf('.')), path.slice(path.indexOf('.'))];
      await expectClose(leaf(params, `layers.0.${part}.inner${rest}`), leaf(bare, `layers.0.${path}`), 0);
    }
    const draws = ['channel.filter', 'channel.gateFilter', 'channel.upFilter', 'mixer.filter'].map((path) =>
      leaf(params, `layers.0.${path}`).dataSync<'float32'>().slice(0, 4).join(),
    );
    expect(new Set(draws).size).toBe(4);
  });

  it('stand in the config as they act, one way whichever it was written', () => {
    const configOf = (spec: LayerSpec) => (modelOf(spec).config['layers'] as Record<string, unknown>[])[0];
    const canon = { width: 4, residual: true, activation: 'none', init: 'uniform' };
    const plain = configOf({ sequenceMixer: mixer, channelMixer: swish });
    expect(plain).not.toHaveProperty('shortFilters');
    expect(configOf({ sequenceMixer: mixer, channelMixer: swish, shortFilters: {} })).toEqual(plain);
    expect(configOf({ sequenceMixer: mixer, channelMixer: swish, shortFilters: { A: false, C: false } })).toEqual(
      plain,
    );
    const both = configOf({ sequenceMixer: mixer, channelMixer: swish, shortFilters: { A: true, D: { width: 4 } } });
    expect(both).toEqual({ ...plain, shortFilters: { A: canon, D: canon } });
    expect(
      configOf({ sequenceMixer: mixer, channelMixer: swish, shortFilters: both?.['shortFilters'] as object }),
    ).toEqual(both);
  });

  it('are at A what a wrapper is', async () => {
    const written = modelOf({ sequenceMixer: mixer, shortFilters: { A: { width: 2 } } });
    const wrapped = modelOf({ sequenceMixer: shortFilter({ dModel: D, inner: mixer, width: 2 }) });
    expect(wrapped.config).toEqual(written.config);
    const params = written.init(1);
    const ids = idsOf(batch());
    await expectClose(wrapped.hidden(params, ids), written.hidden(params, ids), 0);
  });

  it('leave mixers their place among those of their name', () => {
    const layers = [
      { sequenceMixer: remembering({ dModel: D }), shortFilters: { A: true } },
      { sequenceMixer: shortFilter({ dModel: D, inner: remembering({ dModel: D }) }) },
      { sequenceMixer: remembering({ dModel: D }) },
    ];
    const model = modelOf(...layers);
    const configs = (model.config['layers'] as { sequenceMixer: { config: object } }[]).map(
      ({ sequenceMixer }) => sequenceMixer.config,
    );
    expect(configs).toMatchObject([0, 1, 2].map((layer) => ({ layer, nLayers: 3 })));
    expect(Object.keys(model.factors ?? {})).toEqual([
      'layers.0.mixer.inner.depth',
      'layers.1.mixer.inner.depth',
      'layers.2.mixer.depth',
    ]);
  });

  it('hand on the soft form and the auxiliary losses of a mixer', async () => {
    const auxiliary = { ...averagingMixer({ dModel: D, auxiliary: 0.5 }), softForm: true };
    const model = modelOf({ sequenceMixer: auxiliary, shortFilters: { A: true } });
    expect(model.softForm).toBe(true);
    const result = model.loss(model.init(1), batch(), { training: true, seed: 1 });
    expect((await result.loss.sub(result.crossEntropy).data())[0]).toBeGreaterThan(0);
  });

  it('are refused where there is no such place', () => {
    const bare = defineChannelMixer({
      name: 'bare',
      summary: '',
      schema: z.strictObject({ dModel: z.int() }),
      create: () => ({ init: () => ({}), apply: (_params, x) => x, flops: () => 0 }),
    })({ dModel: D });
    const refusal = (spec: Partial<LayerSpec>) => {
      try {
        modelOf({ sequenceMixer: mixer, ...spec });
      } catch (error) {
        if (error instanceof InvalidConfigError) return error.message;
      }
      return 'none';
    };
    expect(refusal({ shortFilters: { C: true } })).toBe(
      'layers.0.shortFilters.C: expected a channelMixer for it, got none. Give the layer one, or use A or B.',
    );
    expect(refusal({ shortFilters: { D: true } })).toMatch(/shortFilters\.D: expected a channelMixer for it/);
    expect(refusal({ channelMixer: bare, shortFilters: { D: true } })).toBe(
      "layers.0.shortFilters.D: expected a channelMixer with hidden rows, got 'bare', which declares none. Use C, or let it declare `hidden`.",
    );
    expect(refusal({ channelMixer: bare, shortFilters: { C: true } })).toBe('none');
    expect(refusal({ shortFilters: { B: true } })).toBe(
      'layers.0.shortFilters.B: averaging: expected a mixer with a place for filters on what it projects (B), got one without. Put the filter before it (A), which any mixer takes.',
    );
    expect(refusal({ shortFilters: { a: true } as never })).toMatch(/shortFilters: unknown key 'a'/);
    expect(refusal({ shortFilters: { A: { width: 0 } } })).toMatch(/A\.width/);
    const wrapped = shortFilter({ dModel: D, inner: mixer });
    expect(refusal({ sequenceMixer: wrapped, shortFilters: { A: true } })).toBe(
      "layers.0: expected one filter before the mixer, got shortFilters.A around a 'shortFilter'. Leave one out.",
    );
  });

  it('reach at B the filters of a mixer by its own options', () => {
    const own = defineMixer({
      name: 'own',
      summary: '',
      schema: z.strictObject({ dModel: z.int(), taps: z.int().default(3) }),
      withFilters: (config, filters) => ({
        ...config,
        taps: filters === false ? 0 : typeof filters === 'object' ? (filters.width ?? 3) : 3,
      }),
      create: () => {
        const { name: _name, config: _config, atLayer: _atLayer, withFilters: _withFilters, ...forms } = mixer;
        return forms;
      },
    });
    const tapsAt = (B: boolean | { width: number }, sequenceMixer = own({ dModel: D, taps: 5 })) => {
      const [layer] = modelOf({ sequenceMixer, shortFilters: { B } }).config['layers'] as [
        Record<string, { config: unknown }>,
      ];
      expect(layer).not.toHaveProperty('shortFilters');
      return layer['sequenceMixer']?.config;
    };
    expect(tapsAt(false)).toEqual({ dModel: D, taps: 0 });
    expect(tapsAt({ width: 8 })).toEqual({ dModel: D, taps: 8 });
    const wrapped = shortFilter({ dModel: D, inner: own({ dModel: D }) }).withFilters?.({ width: 8 });
    expect(wrapped?.config).toMatchObject({ inner: { config: { taps: 8 } } });
  });
});
