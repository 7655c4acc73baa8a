import { createLanguageModel, disposeState, EVALUATION, tf, useEngine } from '@mixerzoo/core';
import {
  describeMixer,
  expectClose,
  reducedOnSoftware,
  stacked,
  stepThrough,
  testTensor,
} from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Rwkv7Params, rwkv7 } from './rwkv7.js';

const options = {
  lengths: [1, 7, 16, 33],
  differenceStep: 1e-3, // norms of small rows are curved
  matMulShare: 0.8,
  scaledByDepth: false, // W_o starts at zero
};
const byModel = 'a model sets it; a later layer needs the values of the first';

const small = { dModel: 12, nHeads: 2, decayLowRank: 4, rateLowRank: 3, valueLowRank: 5, gateLowRank: 4 };
describeMixer('rwkv7, two heads', () => rwkv7(small), {
  ...options,
  idleOptions: {
    layer: byModel,
    nLayers: 'of layers after the first alone',
    valueLowRank: 'of layers after the first alone',
    valueResidual: 'of layers after the first alone',
  },
});
describeMixer('rwkv7, two layers', () => stacked(rwkv7, 2)(small), {
  ...options,
  differenceStep: 3e-4, // those of two layers more so
  idleOptions: { layer: byModel, nLayers: byModel },
});

beforeAll(async () => {
  await useEngine();
});

const valuesOf = async (tensor: tf.Tensor) => Array.from(await tensor.data());

describe('rwkv7 config', () => {
  it.each([
    [64, 1, 32, 32],
    [96, 2, 32, 64],
    [7, 1, 32, 32],
    [100, 2, 32, 64],
    [768, 12, 64, 128],
    [1024, 16, 64, 160], // 2.5 sqrt(1024) / 32 = 2.5, which Python rounds to 2
  ])('fits a width of %i by default: %i heads, ranks %i and %i', (dModel, nHeads, decayLowRank, gateLowRank) => {
    const { config } = rwkv7({ dModel });
    expect(config).toMatchObject({ nHeads, decayLowRank, gateLowRank, normEps: (1e-5 * dModel) / nHeads });
    expect(rwkv7(config as never).config).toEqual(config);
  });

  it('refuses what does not fit', () => {
    expect(() => rwkv7({ dModel: 10, nHeads: 4 })).toThrow(/nHeads: expected a divisor of dModel 10, got 4/);
    expect(() => rwkv7({ dModel: 8, layer: 1 })).toThrow(/expected layer to be below nLayers, got 1 of 1/);
  });

  it('says that a later layer needs the first', () => {
    const mixer = rwkv7({ dModel: 8, layer: 1, nLayers: 2 });
    const params = mixer.init(1);
    expect(() => mixer.apply(params, tf.ones([1, 2, 8]))).toThrow(
      /expected the values of the first layer for layer 1, got none. Run it in a model/,
    );
    tf.dispose(params as never);
  });
});

describe('initial values', () => {
  it('are those of the authors, by layer', async () => {
    const { mix, w0, a0, v0, kK, kA, rK, w2, oProj } = rwkv7({ dModel: 8, nHeads: 2, layer: 1, nLayers: 3 }).init(3);
    const near = (numbers: number[]) => numbers.map((number) => expect.closeTo(number, 5));
    const n = Array.from({ length: 8 }, (_, at) => at);
    const zigzag = [-1, -1 / 9, 1 / 9, 1, -1, -1 / 9, 1 / 9, 1];
    expect(await valuesOf(mix.r)).toEqual(near(n.map((at) => 1 - (at / 8) ** (0.2 * (2 / 3)))));
    expect(await valuesOf(mix.w)).toEqual(near(n.map((at) => 1 - (at / 8) ** (0.9 * (2 / 3)))));
    expect(await valuesOf(w0)).toEqual(
      near(n.map((at) => -5.5 + 6 * (at / 7) ** (1 + 0.5 ** 0.3) + 2.5 * (zigzag[at] as number))),
    );
    expect(await valuesOf(a0)).toEqual(
      near(n.map((at) => -0.19 + 0.3 * (zigzag[at] as number) + 0.4 * (at / 7 - 0.5))),
    );
    expect(await valuesOf(v0 as tf.Tensor)).toEqual(near(n.map((at) => 0.73 - 0.4 * (at / 7 - 0.5))));
    expect(await valuesOf(kK)).toEqual(near(n.map((at) => 0.71 - 0.1 * (at / 7 - 0.5))));
    expect([...new Set([...(await valuesOf(kA)), ...(await valuesOf(rK))])]).toEqual(near([1.02, -0.04]));
    expect(new Set(await valuesOf(oProj.weight))).toEqual(new Set([0]));
    // More rows (32) than columns (8): these are orthogonal.
    await expectClose(tf.matMul(w2, w2, true), tf.eye(8).mul(0.01 * (32 / 8)), 1e-5, 'W2^T W2');
  });

  it('have orthogonal rows where there are fewer', async () => {
    const { g2 } = rwkv7({ dModel: 40, gateLowRank: 6 }).init(3);
    await expectClose(tf.matMul(g2, g2, false, true), tf.eye(6).mul(0.01), 1e-5, 'G2 G2^T');
  });
});

describe('rwkv7 in a model', () => {
  const build = () => {
    const sequenceMixer = rwkv7({ dModel: 16, nHeads: 2 });
    return createLanguageModel({
      vocabSize: 20,
      dModel: 16,
      layers: Array.from({ length: 3 }, () => ({ sequenceMixer })),
    });
  };

  it('knows its layer, and declares its rates for every one', () => {
    const model = build();
    const { layers } = model.config as { layers: { sequenceMixer: { config: object } }[] };
    expect(layers.map(({ sequenceMixer }) => sequenceMixer.config)).toMatchObject(
      [0, 1, 2].map((layer) => ({ layer, nLayers: 3 })),
    );
    expect(model.factors).toEqual(
      Object.fromEntries([0, 1, 2].map((layer) => [`layers.${layer}.mixer.w0`, { learningRate: 2 }])),
    );
    expect(model.noDecay).toContain('layers.1.mixer.v2');
    expect(model.noDecay).not.toContain('layers.0.mixer.v2');
  });

  it('mixes values of the first layer by the sigmoid of v0', async () => {
    const at = (layer: number) => rwkv7({ dModel: 8, nHeads: 2, layer, nLayers: 2 });
    const [first, later] = [at(0), at(1)];
    const { v0, v1, v2, ...rest } = moved(later.init(4)) as Rwkv7Params;
    const firstParams = { ...rest, vProj: { weight: testTensor<tf.Rank.R2>([8, 8], 40) } };
    const x = testTensor<tf.Rank.R3>([2, 9, 8], 41);
    const shared = new Map<string, tf.Tensor>();
    first.apply(firstParams, x, { ...EVALUATION, shared });
    // W_v of both, by halves: v is linear in it, and the shift the same.
    const halves = {
      ...rest,
      vProj: { weight: rest.vProj.weight.add<tf.Tensor2D>(firstParams.vProj.weight).mul<tf.Tensor2D>(0.5) },
    };
    const half = {
      ...rest,
      v0: tf.zerosLike(v0 as tf.Tensor1D),
      v1: tf.zerosLike(v1 as tf.Tensor2D),
      v2: v2 as tf.Tensor2D,
    };
    const y = later.apply(half, x, { ...EVALUATION, shared });
    await expectClose(y, first.apply(halves, x), 1e-5, 'half of each');
    const { weights, values, readOut } = later.read!(half, x, { ...EVALUATION, shared });
    const sums = tf.matMul(weights, values).transpose([0, 2, 1, 3]).reshape<tf.Tensor3D>([2, 9, 8]);
    await expectClose(readOut(sums), y, 1e-5, 'what it reads');
  });

  it('steps as it prefills, values of the first layer included', async () => {
    const model = build();
    const fresh = model.init(5);
    const params = moved(fresh) as typeof fresh;
    const ids = tf.tensor2d(
      Int32Array.from({ length: 24 }, (_, at) => (7 * at) % 20),
      [2, 12],
      'int32',
    );
    const whole = model.prefill(params, ids);
    let state = model.initState(2);
    let logits: tf.Tensor | undefined;
    for (const token of tf.unstack(ids, 1)) {
      logits?.dispose();
      ({ logits, state } = model.step(params, token as tf.Tensor1D, state));
    }
    await expectClose(logits as tf.Tensor, whole.logits, 1e-5, 'step against prefill');
    disposeState(state);
    disposeState(whole.state);
  });
});

it('steps as it applies over 2,000 tokens', async (context) => {
  const length = await reducedOnSoftware(context, 'tokens stepped through', 2000, 200);
  const mixer = rwkv7({ dModel: 16, nHeads: 2 });
  const params = moved(mixer.init(2)) as ReturnType<typeof mixer.init>;
  const x = testTensor<tf.Rank.R3>([1, length, 16], 3);
  const whole = mixer.apply(params, x);
  const { y } = stepThrough(mixer, params, x);
  await expectClose(y, whole, 1e-5, 'step against apply');
});

/** Parameters moved off their start, where W_o and half of each low-rank map are zero. */
function moved(tree: object, seed = { next: 1 }): object {
  return Object.fromEntries(
    Object.entries(tree).map(([name, leaf]) => [
      name,
      leaf instanceof tf.Tensor
        ? leaf.add(testTensor(leaf.shape as [number], seed.next++, 0.3))
        : moved(leaf as object, seed),
    ]),
  );
}
