/** Mixers that depend on their place in a model, and what layers leave to later ones, in every form. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { describeMixer, expectClose, stacked } from '../testing/index.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree } from '../tree.js';
import { averagingMixer } from './__fixtures__/averaging-mixer.js';
import { remembering } from './__fixtures__/remembering-mixer.js';
import { leaf } from './__fixtures__/small-model.js';
import { createLanguageModel, disposeState } from './language-model.js';

const D = 8;

const build = () =>
  createLanguageModel({
    vocabSize: 12,
    dModel: D,
    layers: [averagingMixer({ dModel: D }), remembering({ dModel: D }), remembering({ dModel: D })].map(
      (sequenceMixer) => ({ sequenceMixer }),
    ),
  });

beforeAll(async () => {
  await useEngine();
});

describe('the place of a layer', () => {
  it('is counted among the layers of its mixer, and is part of the config', () => {
    const { layers } = build().config as { layers: { sequenceMixer: { config: object } }[] };
    expect(layers.map(({ sequenceMixer }) => sequenceMixer.config)).toEqual([
      { dModel: D, auxiliary: 0 },
      { dModel: D, layer: 0, nLayers: 2 },
      { dModel: D, layer: 1, nLayers: 2 },
    ]);
  });

  it('names what each mixer declares by its layer', () => {
    expect(build().factors).toEqual({
      'layers.1.mixer.depth': { learningRate: 1 },
      'layers.2.mixer.depth': { learningRate: 2 },
    });
  });

  it('decides parameters', async () => {
    const params = build().init(1);
    const paths = flattenTree(params).map(([path]) => path);
    expect(paths).not.toContain('layers.1.mixer.own');
    expect(paths).toContain('layers.2.mixer.own');
    expect((await leaf(params, 'layers.1.mixer.depth').data())[0]).toBe(0.5);
    disposeTree(params);
  });

  it('hands values of a pass to later layers: prefill and step as the whole sequence, without a tensor that stays', async () => {
    const model = build();
    const params = model.init(2);
    const ids = tf.tensor2d([3, 1, 4, 1, 9, 5, 2, 6, 5, 3], [2, 5], 'int32');
    const before = tf.memory().numTensors;
    const expected = tf.tidy(() => model.logits(params, model.hidden(params, ids)).slice([0, 4, 0]).reshape([2, 12]));
    const head = ids.slice<tf.Tensor2D>([0, 0], [-1, 4]);
    const last = tf.tensor1d([9, 3], 'int32');
    const filled = model.prefill(params, head);
    const { logits, state } = model.step(params, last, filled.state);
    await expectClose(logits, expected, 1e-5, 'prefill and step');
    disposeState(state);
    tf.dispose([filled.logits, logits, expected, head, last]);
    expect(tf.memory().numTensors).toBe(before);
    disposeTree(params);
  });
});

// The whole suite on two layers: gradients run through what the first leaves to the second.
describeMixer('two layers, one on another', () => stacked(remembering, 2)({ dModel: D }), {
  scaledByDepth: false,
  differenceStep: 1e-2,
  idleOptions: { layer: 'set by the place', nLayers: 'set by the place' },
});
