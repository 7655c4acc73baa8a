/** What a language model refuses or reports when parameters, parts or numbers do not fit. */
import { beforeAll, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { ShapeError } from '../errors.js';
import type { Examples } from '../task.js';
import * as tf from '../tf.js';
import { disposeTree } from '../tree.js';
import { averagingMixer } from './__fixtures__/averaging-mixer.js';
import { mlp } from './channel-mixer.js';
import { createLanguageModel, type LanguageModelConfig, type LanguageModelParams } from './language-model.js';

const V = 11;
const D = 6;
const mixer = averagingMixer({ dModel: D });
const build = (overrides: Partial<LanguageModelConfig> = {}) =>
  createLanguageModel({
    vocabSize: V,
    dModel: D,
    layers: [{ sequenceMixer: mixer }, { sequenceMixer: mixer }],
    dropout: { embedding: 0, residual: 0 },
    ...overrides,
  });
const batch: Examples = {
  count: 2,
  seqLen: 7,
  inputs: Int32Array.from({ length: 14 }, (_, index) => index % V),
  labels: Int32Array.from({ length: 14 }, (_, index) => (3 * index) % V),
};

beforeAll(async () => {
  await useEngine();
});

it('refuses parameters of another model at every entry', () => {
  const model = build();
  const [ids, token] = [tf.tensor2d(batch.inputs, [2, 7], 'int32'), tf.tensor1d([1, 2], 'int32')];
  const entries: [string, (given: LanguageModelParams) => unknown][] = [
    ['hidden', (given) => model.hidden(given, ids)],
    ['logits', (given) => model.logits(given, tf.ones([1, D]))],
    ['loss', (given) => model.loss(given, batch)],
    ['predict', (given) => model.predict(given, batch)],
    ['step', (given) => model.step(given, token, model.initState(2))],
    ['prefill', (given) => model.prefill(given, ids)],
  ];
  const deeper = build({ layers: [{ sequenceMixer: mixer }, { sequenceMixer: mixer }, { sequenceMixer: mixer }] });
  const wider = build({
    layers: [{ sequenceMixer: mixer, channelMixer: mlp({ dModel: D }) }, { sequenceMixer: mixer }],
  });
  for (const [entry, call] of entries) {
    const refuses = (given: unknown, message: string) => {
      expect(() => call(given as LanguageModelParams)).toThrow(ShapeError);
      expect(() => call(given as LanguageModelParams)).toThrow(`${entry}: ${message}`);
    };
    refuses({}, "expected a tensor 'embedding.weight' [11, 6], got none.");
    refuses(deeper.init(1), "unexpected tensor 'layers.2.norm1.weight'.");
    refuses(wider.init(1), "unexpected tensor 'layers.0.channel.fc1.weight'.");
    const freed = model.init(1);
    disposeTree(freed.layers);
    refuses(freed, "expected tensors in use, got 'layers.0.norm1.weight' that is freed.");
  }
});

it('predicts no token where a logit is not a number', async () => {
  const model = build({ layers: [{ sequenceMixer: mixer }] });
  const healthy = model.init(1);
  // Whatever reads token 3 is lost, and with it its sequence, by 0 NaN in the products of the mixer; no other is.
  const table = (await healthy.embedding.weight.array()) as number[][];
  table[3] = table[3]?.map(() => Number.NaN) as number[];
  const lost = { ...healthy, embedding: { weight: tf.tensor2d(table) }, head: healthy.embedding };
  const untied = build({ layers: [{ sequenceMixer: mixer }], tieEmbeddings: false });
  const examples: Examples = {
    count: 2,
    seqLen: 2,
    inputs: Int32Array.of(1, 3, 2, 4),
    labels: Int32Array.of(0, 0, 0, 0),
  };
  const predicted = [...(await untied.predict(lost, examples).data())];
  const [, , third, fourth] = await untied.predict({ ...healthy, head: healthy.embedding }, examples).data();
  expect(predicted).toEqual([-1, -1, third, fourth]);
  const { correct } = untied.loss(lost, examples);
  expect([...(await correct.data())].slice(0, 2)).toEqual([0, 0]);
});

it('names the mixer whose output has another shape than its input', () => {
  const { init, ...rest } = mixer;
  const narrowed = {
    ...rest,
    init,
    apply: (...args: Parameters<typeof mixer.apply>) => tf.sum(mixer.apply(...args), -1, true),
  };
  const model = build({ layers: [{ sequenceMixer: mixer }, { sequenceMixer: narrowed as never }] });
  expect(() => model.loss(model.init(1), batch)).toThrow(
    "layers.1: sequenceMixer 'averaging': expected an output of the shape of its input, float32 [2, 7, 6], got float32 [2, 7, 1].",
  );
  const channel = mlp({ dModel: D });
  const halved = {
    ...channel,
    apply: (params: never, x: tf.Tensor3D) => tf.mean(channel.apply(params, x), -1, true),
  };
  const other = build({
    layers: [{ sequenceMixer: mixer, channelMixer: halved as never }, { sequenceMixer: mixer }],
  });
  expect(() => other.loss(other.init(1), batch)).toThrow(
    "layers.0: channelMixer 'mlp': expected an output of the shape of its input, float32 [2, 7, 6], got float32 [2, 7, 1].",
  );
});
