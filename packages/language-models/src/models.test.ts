import { type ModelPreset, tf, useEngine } from '@mixerzoo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createModel, glaModel, mambaModel, plugin, pythia, transformerPlusPlus } from './index.js';

const untied = (preset: ModelPreset): ModelPreset => ({
  ...preset,
  model: { ...preset.model, tieEmbeddings: false },
});
const count = (preset: ModelPreset, vocabSize?: number) => createModel(preset, vocabSize).parameterCount;

describe('parameters, from shapes alone', () => {
  it.each([
    ['14m', 14_067_712, 1_189_888],
    ['31m', 30_494_720, 4_739_072],
    ['70m', 70_426_624, 18_915_328],
    ['160m', 162_322_944, 85_056_000],
    ['410m', 405_334_016, 302_311_424],
  ] as const)('of Pythia %s: %i, %i beside the embeddings', (size, total, inner) => {
    const preset = pythia({ size });
    expect(count(preset)).toBe(total);
    expect(total - 2 * preset.vocabSize * preset.model.dModel).toBe(inner);
  });

  it('of the 370M models of CAT: Pythia 410m with 32,000 tokens, and filters of 21 taps on q, k and v', () => {
    const plain = count(pythia({ size: '410m' }), 32_000);
    expect(plain).toBe(367_847_424);
    for (const positional of ['rope', 'none'] as const) {
      const extra = (mixer: 'attention' | 'cat' | 'mhcat') =>
        count(pythia({ size: '410m', mixer, positional }), 32_000) - plain;
      expect([extra('attention'), extra('cat'), extra('mhcat')]).toEqual([0, 24_192, 387_072]);
    }
    const perChannel = pythia({ size: '410m', mixer: 'cat' });
    const layers = perChannel.layers.map((layer) => ({ ...layer, filters: 'perChannel' }));
    expect(count({ ...perChannel, layers }, 32_000) - plain).toBe(1_548_288);
    expect(
      count({ ...pythia({ size: '410m' }), model: { ...pythia({ size: '410m' }).model, tieEmbeddings: true } }, 32_000),
    ).toBe(335_079_424);
  });

  it('of Transformer++ and GLA, tied and not', () => {
    expect(count(transformerPlusPlus({ size: '340m' }))).toBe(341_099_520);
    expect(count(untied(transformerPlusPlus({ size: '340m' })))).toBe(373_867_520);
    expect(count(glaModel({ size: '340m' }))).toBe(341_707_776);
    expect(count(glaModel({ size: '340m', tieEmbeddings: false }))).toBe(374_475_776);
  });

  it('of Mamba and Mamba-2', () => {
    expect(count(mambaModel({ size: '370m' }))).toBe(371_516_416);
    expect(count(mambaModel({ size: '370m' }), 32_000)).toBe(352_797_696);
    expect(count(mambaModel({ size: '130m' }))).toBe(129_135_360);
    expect(count(mambaModel({ size: '130m', version: 2 }))).toBe(128_989_632);
    expect(count(mambaModel({ size: '370m', version: 2 }))).toBe(368_346_624);
  });

  it('of fewer heads of keys and values', () => {
    const [all, shared] = [transformerPlusPlus({ size: '340m' }), transformerPlusPlus({ size: '340m', nKvHeads: 4 })];
    expect(count(all) - count(shared)).toBe(24 * 2 * 1024 * (1024 - 256));
  });

  it('cost no memory', () => {
    const { numBytes } = tf.memory();
    for (const preset of plugin.models) expect(count(preset)).toBeGreaterThan(0);
    expect(tf.memory().numBytes).toBe(numBytes);
  });
});

it('leaves width and vocabulary to who makes it, and says so where nobody does', () => {
  const { vocabSize, model, ...rest } = pythia({ size: 'tiny' });
  const { dModel, ...backbone } = model;
  expect(count({ ...rest, model }, vocabSize)).toBe(count(pythia({ size: 'tiny' })));
  expect(() => count({ ...rest, model })).toThrow(
    /createModel: expected a model with dModel and a vocabulary, got 'pythia-tiny'/,
  );
  expect(() => count({ ...rest, model: backbone }, vocabSize)).toThrow(/createModel: expected a model with dModel/);
  expect(dModel).toBe(128);
});

describe('models', () => {
  beforeAll(async () => {
    await useEngine('wasm');
  });

  it('are data of different names', () => {
    const names = plugin.models.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(JSON.parse(JSON.stringify(plugin.models))).toEqual(plugin.models);
    for (const name of ['pythia-14m', 'pythia-410m-nope', 'pythia-410m-mhcat-rope', 'pythia-14m-cat-nope']) {
      expect(names).toContain(name);
    }
  });

  it.each(plugin.models.filter(({ name }) => name.includes('tiny')))(
    '$name generates what it reads in parallel',
    async (preset) => {
      const model = createModel(preset, 50);
      const params = model.init(1);
      const ids = tf.tensor2d([[3, 1, 4, 1, 5, 9, 2, 6]], [1, 8], 'int32');
      const all = await model.logits(params, model.hidden(params, ids)).data();
      let { state } = model.prefill(params, ids.slice([0, 0], [1, 7]));
      const last = model.step(params, tf.tensor1d([6], 'int32'), state);
      state = last.state;
      const logits = await last.logits.data();
      for (let token = 0; token < 50; token += 1) expect(logits[token]).toBeCloseTo(all[7 * 50 + token] as number, 4);
    },
  );

  it('start as their authors start them', async () => {
    const deviation = async (tensor: tf.Tensor) => Math.sqrt((await tensor.square().mean().data())[0] as number);
    const model = createModel(pythia({ size: '14m', mixer: 'cat' }), 512);
    const { embedding, head, layers } = model.init(3);
    const { mixer, channel } = layers[5] as never as Record<'mixer' | 'channel', Record<string, { weight: tf.Tensor }>>;
    const [small, wang] = [Math.sqrt(2 / (5 * 128)), 2 / (6 * Math.sqrt(128))];
    const inputs = [embedding, head, mixer['qProj'], channel['fc1']];
    for (const part of inputs) expect((await deviation(part!.weight)) / small).toBeCloseTo(1, 1);
    for (const part of [mixer['oProj'], channel['fc2']])
      expect((await deviation(part!.weight)) / wang).toBeCloseTo(1, 1);
  });

  it('name what they do not know', () => {
    const preset = pythia({ size: '14m' });
    expect(() => createModel({ ...preset, layers: [{ mixer: '@mixerzoo/cat#cats' }] })).toThrow(
      /unknown mixer '@mixerzoo\/cat#cats'/,
    );
  });
});
