/** What a language model refuses or reports when configs, parameters, batches, parts or numbers do not fit. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { InvalidConfigError, ShapeError } from '../errors.js';
import { type Examples, IGNORED_LABEL } from '../task.js';
import * as tf from '../tf.js';
import { disposeTree } from '../tree.js';
import { averagingMixer } from './__fixtures__/averaging-mixer.js';
import { B, batch, build, D, idsOf, L, mixer, V } from './__fixtures__/small-model.js';
import { mlp } from './channel-mixer.js';
import type { LanguageModelParams } from './language-model.js';
import { NORMS } from './norm.js';

beforeAll(async () => {
  await useEngine();
});

it('refuses parameters of another model at every entry', () => {
  const model = build();
  const [ids, token] = [idsOf(batch(1)), tf.tensor1d([1, 2], 'int32')];
  const entries: [string, (given: LanguageModelParams) => unknown][] = [
    ['hidden', (given) => model.hidden(given, ids)],
    ['logits', (given) => model.logits(given, tf.ones([1, D]))],
    ['loss', (given) => model.loss(given, batch(1))],
    ['predict', (given) => model.predict(given, batch(1))],
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

it('refuses to train without a seed of its dropout, and evaluates without one', () => {
  const model = build();
  const [params, ids] = [model.init(1), idsOf(batch(1))];
  const training = { training: true } as never;
  const wanted = /^loss: expected a seed beside training.*got none\. Pass \{ training: true, seed \}/;
  expect(() => model.loss(params, batch(1), training)).toThrow(wanted);
  expect(() => model.hidden(params, ids, training)).toThrow(/^hidden: expected a seed beside training/);
  expect(() => model.hidden(params, ids, { training: true, seed: 0.5 })).toThrow(/^hidden: seed: expected .* got 0\.5/);
  expect(model.hidden(params, ids, { training: false } as never).shape).toEqual([...ids.shape, D]);
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
  expect(() => model.loss(model.init(1), batch(1))).toThrow(
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
  expect(() => other.loss(other.init(1), batch(1))).toThrow(
    "layers.0: channelMixer 'mlp': expected an output of the shape of its input, float32 [2, 7, 6], got float32 [2, 7, 1].",
  );
});

describe('what does not fit', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['a typo', () => build({ vocabsize: 3 } as never), /unknown key 'vocabsize'. Did you mean 'vocabSize'/],
    [
      'a typo in a layer',
      () => build({ layers: [{ sequenceMixer: mixer, chanelMixer: 'mlp' } as never] }),
      /layers\.0: unknown key 'chanelMixer'/,
    ],
    ['no layers', () => build({ layers: [] }), /layers/],
    [
      'something else for a mixer',
      () => build({ layers: [{ sequenceMixer: 'cat' as never }] }),
      /layers\.0\.sequenceMixer: expected a mixer, as its factory makes it, got 'cat'\. Import a factory from its package and call it: cat\(\{ dModel \}\)\.$/,
    ],
    [
      'the name of a mixer for a layer',
      () => build({ layers: ['lin-cat' as never] }),
      /layers\.0: expected a layer, \{ sequenceMixer: mixer \}, got 'lin-cat'\. Import a factory .* call it: cat\(\{ dModel \}\)\.$/,
    ],
    [
      'a factory that is not called',
      () => build({ layers: [{ sequenceMixer: averagingMixer as never }] }),
      /layers\.0\.sequenceMixer: expected a mixer, .* got a function\. If it is a factory, call it/,
    ],
    [
      'a mixer for a layer',
      () => build({ layers: [mixer as never] }),
      /layers\.0: expected a layer, \{ sequenceMixer: mixer \}, got a mixer\.$/,
    ],
    [
      'a layer as configs have it',
      () => build({ layers: [{ mixer: 'cat' } as never] }),
      /layers\.0\.sequenceMixer: expected a mixer, .* got nothing\..*\n.*layers\.0: unknown key 'mixer'/,
    ],
    [
      'a mixer of another width',
      () => build({ layers: [{ sequenceMixer: averagingMixer({ dModel: 4 }) }] }),
      /layers\.0\.sequenceMixer: expected 'averaging' of the model's dModel 6, got 4/,
    ],
    [
      'a mixer of another contract',
      () => build({ layers: [{ sequenceMixer: { ...mixer, specVersion: 2 as never } }] }),
      /layers\.0\.sequenceMixer: expected a mixer for version 1 of the contract, got 2\. It was made for a newer @mixerzoo\/core/,
    ],
    [
      'a channel mixer of another contract',
      () =>
        build({ layers: [{ sequenceMixer: mixer, channelMixer: { ...mlp({ dModel: D }), specVersion: 0 as never } }] }),
      /layers\.0\.channelMixer: expected a channel mixer for version 1 of the contract, got 0/,
    ],
    [
      'a norm of no contract',
      () => build({ norm: { ...NORMS.rmsNorm({ dModel: D }), specVersion: undefined as never } }),
      /createLanguageModel: norm: expected a norm for version 1 of the contract, got none\. Make it with defineNorm/,
    ],
    [
      'a channel mixer of another width',
      () => build({ layers: [{ sequenceMixer: mixer, channelMixer: mlp({ dModel: 4 }) }] }),
      /layers\.0\.channelMixer: expected 'mlp' of the model's dModel 6, got 4/,
    ],
    [
      'parallel with nothing beside',
      () => build({ layers: [{ sequenceMixer: mixer, residual: 'parallel' }] }),
      /expected a channelMixer/,
    ],
    [
      'mixerOnly with a channel mixer',
      () => build({ layers: [{ sequenceMixer: mixer, residual: 'mixerOnly', channelMixer: 'mlp' }] }),
      /expected no channelMixer/,
    ],
    [
      'positions without a table',
      () => build({ positions: 'learned' }),
      /expected maxPositions together with positions 'learned'/,
    ],
    [
      'a table without positions',
      () => build({ maxPositions: 4 }),
      /expected maxPositions together with positions 'learned'/,
    ],
    ['a dropout of 1', () => build({ dropout: { embedding: 1 } }), /dropout\.embedding/],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(InvalidConfigError);
    expect(make).toThrow(message);
  });

  it('refuses batches it cannot score', () => {
    const model = build();
    const params = model.init(1);
    const examples = batch();
    const loss = (changed: Partial<Examples>) => () => model.loss(params, { ...examples, ...changed });
    expect(loss({ labels: new Int32Array(B * L).fill(IGNORED_LABEL) })).toThrow(
      /a label at one position at least, got -100.*all 14/,
    );
    expect(loss({ labels: Int32Array.from(examples.labels, (label, index) => (index === 9 ? V : label)) })).toThrow(
      /every label in \[0, 11\), got 11 in example 1 at position 2/,
    );
    expect(loss({ inputs: Int32Array.from(examples.inputs, (token, index) => (index === 3 ? -1 : token)) })).toThrow(
      /every token in \[0, 11\), got -1 in example 0 at position 3/,
    );
    expect(loss({ seqLen: 8 })).toThrow(/2 x 8 tokens, got 14 and 14/);
    expect(() => model.hidden(params, tf.zeros([2, 3]))).toThrow(/int32 ids \[B, L\], got float32 \[2, 3\]/);
    disposeTree(params);
  });
});
