import { tf, useEngine } from '@mixerzoo/core';
import { describeMixer, expectClose, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { cat, mhcat } from './cat.js';
import { linCat, linearAttentionMixer } from './lin-cat.js';

const oneHead = { idleOptions: { nKvHeads: 'one head has its own keys and values' } };

describeMixer('cat', () => cat({ dModel: 16 }), oneHead);
describeMixer('cat, heads, W = 5, uniform', () =>
  cat({ dModel: 21, nHeads: 3, filterWidth: 5, filterInit: 'uniform' }),
);
describeMixer('cat, W = 1', () => cat({ dModel: 12, nHeads: 2, filterWidth: 1 }));
describeMixer('cat, keys only', () => cat({ dModel: 12, nHeads: 2, filters: { k: 'perHead' } }));
describeMixer('cat, per channel', () => cat({ dModel: 16, nHeads: 2, filters: 'perChannel' }));
describeMixer('cat, rope', () => cat({ dModel: 16, nHeads: 2, positional: 'rope' }));
describeMixer('cat, alibi', () => cat({ dModel: 16, nHeads: 2, positional: 'alibi' }));
describeMixer('cat, shared keys, wide heads, biases', () =>
  cat({ dModel: 12, nHeads: 4, nKvHeads: 2, headDim: 4, bias: true, positional: 'rope' }),
);
describeMixer('cat, normalised', () =>
  cat({ dModel: 32, nHeads: 2, normalizeQK: true, filterInit: 'uniform', temperature: 2 }),
);
describeMixer(
  'cat, normalised, fixed temperature, rope',
  () =>
    cat({
      dModel: 24,
      normalizeQK: true,
      filterInit: 'uniform',
      temperature: 2,
      learnTemperature: false,
      positional: 'rope',
    }),
  oneHead,
);
describeMixer('cat, exponential filters', () => cat({ dModel: 16, nHeads: 2, filters: 'exponential' }));
describeMixer('cat, diagonal state space on keys', () =>
  cat({ dModel: 16, nHeads: 2, filters: { q: 'perHead', k: 'diagonalSsm' }, dState: 2 }),
);
describeMixer('mhcat', () => mhcat({ dModel: 18, nHeads: 3 }));
describeMixer('mhcat, mixed maps', () => mhcat({ dModel: 18, nHeads: 3, mixMaps: true }));
describeMixer('mhcat, mixed maps, shared values', () =>
  mhcat({ dModel: 12, nHeads: 4, nKvHeads: 2, mixMaps: true, bias: { k: true } }),
);
describeMixer('mhcat, mixed maps only', () => mhcat({ dModel: 16, nHeads: 2, filterWidth: 0, mixMaps: true }), {
  idleOptions: { filters: 'without taps there are none' },
});
describeMixer('linCat, identity', () => linCat({ dModel: 16, featureMap: 'identity' }), {
  lengths: [1, 7, 63, 65, 130],
});
describeMixer('linCat, elu1', () => linCat({ dModel: 18, nHeads: 3, init: 'fanIn' }), {
  lengths: [1, 63, 130],
  scaledByDepth: false, // fanIn is not
});
describeMixer('linCat, chunks of 5', () => linCat({ dModel: 12, nHeads: 2, featureMap: 'identity', chunkSize: 5 }), {
  lengths: [4, 5, 6, 23],
  matMulShare: 0.85,
});
describeMixer('linearAttention', () => linearAttentionMixer({ dModel: 16, nHeads: 2, featureMap: 'identity' }), {
  lengths: [1, 7, 65],
});
describeMixer('linearAttention, elu1', () => linearAttentionMixer({ dModel: 16, featureMap: 'elu1' }));

describe('cat', () => {
  beforeAll(async () => {
    await useEngine();
  });

  it('is Definition 1: filtering the embeddings before projecting gives the same', async () => {
    const mixer = cat({ dModel: 8, filters: { k: 'perHead' }, filterInit: 'uniform' });
    const params = mixer.init(3);
    const plain = cat({ dModel: 8, filters: 'none' });
    const x = testTensor<tf.Rank.R3>([1, 6, 8]);
    // (X * F) W_k as the key of a CAT without filters whose queries and values see X: concatenated inputs.
    const filter = (await (params.kFilter as tf.Tensor).data()) as Float32Array;
    const filtered = tf.tidy(() => {
      const padded = tf.pad(x, [
        [0, 0],
        [2, 0],
        [0, 0],
      ]);
      return tf.addN(
        [0, 1, 2].map((delay) => tf.slice(padded, [0, 2 - delay, 0], [1, 6, 8]).mul(filter[delay] as number)),
      );
    });
    const [q, k] = [params.qProj.weight, params.kProj.weight].map((weight, index) =>
      tf.dot(tf.reshape(index ? filtered : x, [6, 8]), weight),
    );
    const weights = tf.softmax(
      tf
        .matMul(q as tf.Tensor2D, k as tf.Tensor2D, false, true)
        .div(Math.sqrt(8))
        .add(
          tf.linalg
            .bandPart(tf.ones([6, 6]), -1, 0)
            .sub(1)
            .mul(1e9),
        ),
    );
    const values = tf.dot(tf.reshape(x, [6, 8]), params.vProj.weight);
    const expected = tf.dot(tf.matMul(weights as tf.Tensor2D, values as tf.Tensor2D), params.oProj.weight);
    await expectClose(tf.reshape(mixer.apply(params, x), [6, 8]), expected, 1e-5);
    expect(Object.keys(plain.init(1))).toEqual(['qProj', 'kProj', 'vProj', 'oProj']);
  });

  it('ignores the scale of queries and keys when they are normalised', async () => {
    const mixer = cat({ dModel: 8, normalizeQK: true });
    const params = mixer.init(1);
    const scaled = { ...params, kProj: { weight: params.kProj.weight.mul<tf.Tensor2D>(7) } };
    const x = testTensor<tf.Rank.R3>([1, 9, 8]);
    await expectClose(mixer.apply(scaled, x), mixer.apply(params, x), 1e-4);
  });

  it('spares the rates of its exponential filters from weight decay', () => {
    expect(cat({ dModel: 8 }).noDecay).toEqual([]);
    expect(cat({ dModel: 8, filters: { q: 'perHead', k: 'diagonalSsm' } }).noDecay).toEqual(['kFilter.logRate']);
    const { noDecay } = linCat({ dModel: 8, filters: 'exponential' });
    expect(noDecay).toEqual(['qFilter.logRate', 'kFilter.logRate', 'vFilter.logRate']);
  });

  it('refuses options that another makes idle', () => {
    expect(() => cat({ dModel: 8, temperature: 5 })).toThrow(
      /cat: temperature: expected none without normalizeQK, got 5\. It would change nothing: leave it out\./,
    );
    expect(() => mhcat({ dModel: 8, learnTemperature: false })).toThrow(/learnTemperature/);
    expect(() => cat({ dModel: 8, filters: 'exponential', filterWidth: 5 })).toThrow(
      /filterWidth: expected none without a short filter, got 5\./,
    );
    expect(() => linCat({ dModel: 8, filters: { v: 'diagonalSsm' }, filterInit: 'uniform' })).toThrow(
      /filterInit: expected none without a short filter/,
    );
    expect(() => cat({ dModel: 8, dState: 2 })).toThrow(/dState: expected none without a filter 'diagonalSsm'/);
    expect(() => cat({ dModel: 8, ropeBase: 500 })).toThrow(/ropeBase/);
    expect(() => linCat({ dModel: 8, normalize: false, eps: 1e-3 })).toThrow(/eps: expected none without normalize/);
    expect(() => linearAttentionMixer({ dModel: 8, featureMap: 'identity', eps: 1e-3 })).toThrow(/eps/);
  });

  it('starts at the identity filter', async () => {
    const filter = await (cat({ dModel: 8, nHeads: 2 }).init(1).vFilter as tf.Tensor).array();
    for (const row of filter as number[][]) expect(row.map((value) => Math.round(value) + 0)).toEqual([1, 0, 0]);
    const mixing = await (mhcat({ dModel: 8, nHeads: 2 }).init(1).vFilter as tf.Tensor3D).array();
    expect(mixing.map((tap) => tap.map((row) => row.map((value) => Math.round(value) + 0)))).toEqual([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [0, 0],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 0],
      ],
    ]);
  });
});
