/** Mixers of the literature as others with short filters: what docs/short-filters.md says is the same is the same. */
import { attention } from '@mixerzoo/attention';
import { createLanguageModel, flattenTree, type LayerSpec, type Mixer, type Tree, tf, useEngine } from '@mixerzoo/core';
import { expectClose, testTensor } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { cat, mhcat } from './cat.js';
import { linCat, linearAttentionMixer } from './lin-cat.js';

const [D, H, L] = [12, 3, 9];
const bare = attention({ dModel: D, nHeads: H, bias: false });
const x = () => testTensor<tf.Rank.R3>([2, L, D]);

beforeAll(async () => {
  await useEngine();
});

type Filters = Exclude<LayerSpec['shortFilters'], undefined>;
const modelOf = (sequenceMixer: Mixer, shortFilters: Filters = {}) =>
  createLanguageModel({ vocabSize: 7, dModel: D, layers: [{ sequenceMixer, shortFilters }] });

describe('the same model, to the last bit and from the same seed', () => {
  it.each<[string, Mixer, Filters, Mixer]>([
    ['CAT: attention with B', bare, { B: true }, cat({ dModel: D, nHeads: H })],
    [
      'CAT, other filters',
      bare,
      { B: { width: 5, init: 'uniform' } },
      cat({ dModel: D, nHeads: H, filterWidth: 5, filterInit: 'uniform' }),
    ],
    ['multi-head CAT: B that mixes heads', bare, { B: { kind: 'headMixing' } }, mhcat({ dModel: D, nHeads: H })],
    ['attention: CAT without B', cat({ dModel: D, nHeads: H }), { B: false }, bare],
    [
      'LinCAT: linear attention with B',
      linearAttentionMixer({ dModel: D, nHeads: H }),
      { B: true },
      linCat({ dModel: D, nHeads: H }),
    ],
    [
      'linear attention: LinCAT without B',
      linCat({ dModel: D, nHeads: H }),
      { B: false },
      linearAttentionMixer({ dModel: D, nHeads: H }),
    ],
  ])('%s', async (_, mixer, shortFilters, other) => {
    const [filtered, expected] = [modelOf(mixer, shortFilters), modelOf(other)];
    const [params, others] = [filtered.init(3), expected.init(3)];
    expect(flattenTree(params).map(([path]) => path)).toEqual(flattenTree(others).map(([path]) => path));
    const ids = tf.tensor2d([1, 2, 3, 4, 5, 6, 1, 3, 2, 5, 4, 6], [2, 6], 'int32');
    expect(await filtered.hidden(params, ids).data()).toEqual(await expected.hidden(others, ids).data());
    const { logits } = filtered.prefill(params, ids);
    expect(await logits.data()).toEqual(await expected.prefill(others, ids).logits.data());
    expect(filtered.stateSize(20)).toBe(expected.stateSize(20));
    expect(filtered.flops(20)).toBe(expected.flops(20));
  });
});

/** Softmax attention of rows q, k, v [B, L, d], in plain ops. */
function attended(rows: readonly tf.Tensor[]): tf.Tensor {
  const heads = rows.map((row) => row.reshape<tf.Tensor4D>([2, L, H, D / H]).transpose<tf.Tensor4D>([0, 2, 1, 3]));
  const [q, k, v] = heads as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const mask = tf.linalg
    .bandPart(tf.ones([L, L]), -1, 0)
    .sub(1)
    .mul(1e9);
  const map = tf.softmax(
    tf
      .matMul(q, k, false, true)
      .mul((D / H) ** -0.5)
      .add(mask),
  ) as tf.Tensor4D;
  return tf.matMul(map, v).transpose([0, 2, 1, 3]).reshape([2, L, D]);
}

const projected = (params: Tree, role: string, rows: tf.Tensor) => {
  const { weight } = params[`${role}Proj`] as { weight: tf.Tensor2D };
  return tf.matMul(rows.reshape<tf.Tensor2D>([-1, D]), weight).reshape([2, L, D]);
};

/** y_t = sum_j F_j x_{t - j} per column, F [d, W]. */
function convolved(rows: tf.Tensor, filter: tf.Tensor): tf.Tensor {
  const delayed = Array.from({ length: filter.shape[1] as number }, (_, delay) => {
    const past = tf
      .pad(rows, [
        [0, 0],
        [delay, 0],
        [0, 0],
      ])
      .slice([0, 0, 0], [-1, L, -1]);
    return past.mul(filter.slice([0, delay], [-1, 1]).reshape([D]));
  });
  return tf.addN(delayed);
}

describe('attention with B', () => {
  it.each<[string, Filters['B'], (rows: tf.Tensor, filter: tf.Tensor) => tf.Tensor]>([
    ["Primer's: 3 taps for every channel of every head", { kind: 'perChannel', width: 3 }, convolved],
    [
      "Canon's: 4 taps, residual",
      { kind: 'perChannel', width: 4, residual: true, init: 'uniform' },
      (rows, filter) => rows.add(convolved(rows, filter)),
    ],
    [
      "with SiLU, as DeltaNet's: 4 taps",
      { kind: 'perChannel', width: 4, activation: 'silu', init: 'uniform' },
      (rows, filter) => convolved(rows, filter).mul(convolved(rows, filter).sigmoid()),
    ],
  ])('is %s', async (_, filters, filtered) => {
    const mixer = bare.withFilters?.(filters as never) as Mixer;
    const params = mixer.init(5);
    const expected = tf.tidy(() => {
      const rows = ['q', 'k', 'v'].map((role) =>
        filtered(projected(params, role, x()), params[`${role}Filter`] as tf.Tensor),
      );
      return projected(params, 'o', attended(rows));
    });
    await expectClose(mixer.apply(params, x()), expected, 1e-5);
  });

  it('is CAT with one filter at A, where that is the same for all channels: it commutes with the projections', async () => {
    const mixer = cat({ dModel: D, filterWidth: 4 });
    const taps = tf.tensor2d([0.6, -0.4, 0.3, 0.2], [1, 4]);
    const own = mixer.init(1);
    const params = { ...own, qFilter: taps, kFilter: taps, vFilter: taps };
    const before = modelOf(attention({ dModel: D, bias: false }), { A: { residual: false } });
    const layer = { ...before.init(1).layers['0'], mixer: { filter: tf.tile(taps, [D, 1]), inner: projections(own) } };
    const expected = modelOf(mixer);
    const around = expected.init(1);
    const ids = tf.tensor2d([1, 2, 3, 4, 5, 6], [1, 6], 'int32');
    const hidden = before.hidden({ ...around, layers: { 0: { ...around.layers['0'], ...layer } } } as never, ids);
    const others = { ...around, layers: { 0: { ...around.layers['0'], mixer: params } } };
    await expectClose(hidden, expected.hidden(others as never, ids), 1e-5);
  });
});

const projections = ({ qProj, kProj, vProj, oProj }: Tree) => ({ qProj, kProj, vProj, oProj });
