import { beforeAll, describe, expect, it } from 'vitest';
import { currentEngine, useEngine } from '../engines/index.js';
import { InvalidConfigError } from '../errors.js';
import { silu } from '../ops/silu/index.js';
import { randomNormal, randomUniform } from '../random-tensors.js';
import { expectClose, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { headDimOf, joinHeads, splitHeads } from './heads.js';
import { cachedTokens, cacheRoom, emptyKvCache, extendKvCache, type KvCache, kvCacheOf, tokensIn } from './kv-cache.js';
import { gatedRmsNorm, l2Norm, rmsNormPerHead } from './norms.js';
import { hasBias, initProjection } from './projection.js';

beforeAll(async () => {
  await useEngine();
});

describe('heads', () => {
  it('own contiguous columns', async () => {
    const x = testTensor<tf.Rank.R3>([2, 5, 6]);
    const heads = splitHeads(x, 3);
    expect(heads.shape).toEqual([2, 3, 5, 2]);
    await expectClose(heads.slice([1, 2, 4, 0], [1, 1, 1, 2]).flatten(), x.slice([1, 4, 4], [1, 1, 2]).flatten(), 0);
    expect(await joinHeads(heads).data()).toEqual(await x.data());
  });

  it('divide the width, or the error names both', () => {
    expect(headDimOf(12, 3)).toBe(4);
    expect(() => headDimOf(12, 5)).toThrow(InvalidConfigError);
    expect(() => headDimOf(12, 5)).toThrow('nHeads: expected a divisor of dModel 12, got 5. Change one of them.');
    expect(() => headDimOf(12, 5, 'expandV dModel')).toThrow('a divisor of expandV dModel 12, got 5');
  });
});

describe('initProjection', () => {
  const values = (tensor: tf.Tensor) => tensor.data();

  it('draws N(0, 0.02), output projections over sqrt(2 nLayers)', async () => {
    const inner = initProjection([5, 3], 7);
    expect(Object.keys(inner)).toEqual(['weight']);
    expect(await values(inner.weight)).toEqual(await values(randomNormal([5, 3], 0.02, 7)));
    const output = initProjection([5, 3], 7, { nLayers: 8 });
    expect(await values(output.weight)).toEqual(await values(randomNormal([5, 3], 0.005, 7)));
  });

  it('draws U(+-1 / sqrt(in)) with fanIn, whatever the depth', async () => {
    const expected = await values(randomUniform([16, 3], -0.25, 0.25, 7));
    expect(await values(initProjection([16, 3], 7, { init: 'fanIn' }).weight)).toEqual(expected);
    expect(await values(initProjection([16, 3], 7, { init: 'fanIn', nLayers: 4 }).weight)).toEqual(expected);
  });

  it('draws as GPT-NeoX and as LLaMA', async () => {
    const drawn = async (std: number, shape: [number, number]) => values(randomNormal(shape, std, 7));
    const made = (shape: [number, number], init: 'smallInit' | 'normal', nLayers?: number) =>
      values(initProjection(shape, 7, nLayers === undefined ? { init } : { init, nLayers }).weight);
    expect(await made([10, 3], 'smallInit')).toEqual(await drawn(0.2, [10, 3])); // sqrt(2 / (5 * 10))
    expect(await made([3, 16], 'smallInit', 5)).toEqual(await drawn(0.1, [3, 16])); // 2 / (5 sqrt(16))
    expect(await made([3, 16], 'normal', 5)).toEqual(await drawn(0.02, [3, 16]));
  });

  it('has a bias where one is asked for', () => {
    expect((['q', 'k', 'v', 'o'] as const).map((role) => hasBias({ q: true, o: true, k: false }, role))).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect([hasBias(true, 'k'), hasBias(false, 'k')]).toEqual([true, false]);
  });

  it('has a bias of 0 on request', async () => {
    expect(await initProjection([5, 3], 7, { bias: true }).bias.array()).toEqual([0, 0, 0]);
  });
});

describe('the cache of keys and values', () => {
  const grown = (tokens: tf.Tensor3D, window: number, from = emptyKvCache(2, 3, 4)): KvCache => {
    let cache = from;
    for (let t = 0; t < tokens.shape[1]; t += 1) {
      const token = tokens.slice([0, t, 0], [2, 1, 4]).squeeze<tf.Tensor2D>([1]);
      cache = extendKvCache(cache, token.slice([0, 0], [2, 3]), token, window);
    }
    return cache;
  };
  /** The last `count` of the tokens. */
  const last = (x: tf.Tensor3D, tokens: number, count: number) =>
    x.slice([0, tokens - count, 0], [-1, count, -1]).data();

  it.each([
    [0, 5],
    [3, 3],
    [9, 5],
    [0, 40],
    [3, 40],
    [16, 70],
    [33, 140],
  ])('keeps, with a window of %i, the tokens in sight of %i', async (window, length) => {
    const tokens = testTensor<tf.Rank.R3>([2, length, 4]);
    const held = cachedTokens(length, window);
    expect(held).toBe(window > 0 ? Math.min(window, length) : length);
    const stepped = grown(tokens, window);
    expect(stepped.k.shape).toEqual([2, held + cacheRoom(length, window), 3]);
    const split = Math.ceil(length / 2);
    const [head, tail] = tf.split(tokens, [split, length - split], 1) as [tf.Tensor3D, tf.Tensor3D];
    const prefilled = grown(tail, window, kvCacheOf(head.slice([0, 0, 0], [-1, -1, 3]), head, window));
    for (const cache of [stepped, prefilled, kvCacheOf(tokens.slice([0, 0, 0], [-1, -1, 3]), tokens, window)]) {
      expect(tokensIn(cache)).toBeGreaterThanOrEqual(held);
      expect(await last(cache.v, tokensIn(cache), held)).toEqual(await last(tokens, length, held));
      expect(await last(cache.k, tokensIn(cache), held)).toEqual(
        await last(tokens.slice([0, 0, 0], [-1, -1, 3]), length, held),
      );
    }
  });

  it('has at most twice the rows it needs, and none of them on engines that copy', () => {
    const isWasm = currentEngine().name === 'wasm';
    for (const window of [0, 20]) {
      for (const length of [16, 17, 100, 1000]) {
        const most = 2 * (window > 0 ? 2 * window : length);
        expect(cachedTokens(length, window) + cacheRoom(length, window)).toBeLessThanOrEqual(most);
      }
    }
    expect(cacheRoom(17)).toBe(isWasm ? 15 : 0);
    expect(cacheRoom(0)).toBe(0);
  });

  it('frees what it grew from', () => {
    const cache = emptyKvCache(1, 2);
    const token = tf.ones<tf.Rank.R2>([1, 2]);
    extendKvCache(cache, token, token);
    expect([cache.k, cache.v, cache.tokens].map(({ isDisposed }) => isDisposed)).toEqual([true, true, true]);
  });
});

describe('norms', () => {
  it('l2Norm gives rows of unit norm, and 0 for a row of zeros', async () => {
    const x = testTensor<tf.Rank.R3>([2, 3, 5]);
    await expectClose(l2Norm(x), x.div(x.square().sum(-1, true).sqrt()), 1e-5);
    expect(await l2Norm(tf.zeros([1, 2])).array()).toEqual([[0, 0]]);
  });

  it('rmsNormPerHead takes every w columns on their own', async () => {
    const x = testTensor<tf.Rank.R3>([2, 3, 6]);
    const weight = testTensor<tf.Rank.R1>([2], 4);
    const heads = x.reshape([2, 3, 3, 2]);
    const expected = heads.div(heads.square().mean(-1, true).add(1e-3).sqrt()).mul(weight).reshape(x.shape);
    await expectClose(rmsNormPerHead(x, { weight }, 1e-3), expected, 1e-5);
  });

  it('gatedRmsNorm gates after the norm, or before it', async () => {
    const [x, gate] = [testTensor<tf.Rank.R2>([4, 6]), testTensor<tf.Rank.R2>([4, 6], 5)];
    const norm = { weight: testTensor<tf.Rank.R1>([3], 6) };
    await expectClose(gatedRmsNorm(x, gate, norm), rmsNormPerHead(x, norm).mul(silu(gate)), 1e-6);
    const first = rmsNormPerHead(x.mul<tf.Tensor2D>(silu(gate)), norm, 0.1);
    await expectClose(gatedRmsNorm(x, gate, norm, { gateFirst: true, eps: 0.1 }), first, 1e-6);
  });
});
