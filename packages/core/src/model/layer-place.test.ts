/** Mixers that depend on their place in a model, and what layers leave to later ones, in every form. */
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { useEngine } from '../engines/index.js';
import { ShapeError } from '../errors.js';
import { defineMixer } from '../mixer.js';
import { linear } from '../ops/linear/index.js';
import { randomNormal } from '../random-tensors.js';
import { foldIn } from '../rng.js';
import { describeMixer, expectClose, stacked } from '../testing/index.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree } from '../tree.js';
import { averagingMixer } from './__fixtures__/averaging-mixer.js';
import { leaf } from './__fixtures__/small-model.js';
import { createLanguageModel, disposeState } from './language-model.js';

const D = 8;

/** y_t = (W_v x_t) o m, m what the first layer's W_v x_t was; the sum of tokens is its state, and added. */
const remembering = defineMixer({
  name: 'remembering',
  summary: 'Running sums times values of the first layer (tests only).',
  schema: z.strictObject({ dModel: z.int(), layer: z.int().default(0), nLayers: z.int().default(1) }),
  atLayer: (config, { index, count }) => ({ ...config, layer: index, nLayers: count }),
  create({ dModel, layer, nLayers }) {
    const depth = { learningRate: layer + 1 };
    type Params = { v: { weight: tf.Tensor2D }; depth: tf.Tensor1D; own?: tf.Tensor1D };
    const valuesOf = <T extends tf.Tensor>(params: Params, x: T, shared?: Map<string, tf.Tensor>): T => {
      const value = linear(x, params.v).mul<T>(params.depth);
      if (layer === 0) {
        shared?.set('remembering.v', value);
        return value;
      }
      const first = shared?.get('remembering.v');
      if (!first) throw new ShapeError('remembering: expected the value of the first layer, got none.');
      return value.mul<tf.Tensor>(params.own as tf.Tensor).mul<T>(first);
    };
    return {
      factors: { depth },
      init: (seed): Params => ({
        v: { weight: randomNormal([dModel, dModel], 0.5, foldIn(seed, 'v')) },
        depth: tf.fill([dModel], (layer + 1) / nLayers),
        ...(layer > 0 && { own: tf.ones<tf.Rank.R1>([dModel]) }),
      }),
      apply: (params, x, context) => tf.cumsum(valuesOf(params, x, context?.shared), 1),
      initState: (batchSize) => ({ sum: tf.zeros([batchSize, dModel]) }),
      step(params, x, state, context) {
        const sum = tf.add<tf.Tensor2D>(state.sum, valuesOf(params, x, context?.shared));
        state.sum.dispose();
        return { y: sum.clone(), state: { sum } };
      },
      prefill(params, x, context) {
        const y = tf.cumsum<tf.Tensor3D>(valuesOf(params, x, context?.shared), 1);
        return { y, state: { sum: y.slice([0, x.shape[1] - 1, 0]).reshape([-1, dModel]) } };
      },
      stateSize: () => dModel,
      flops: (seqLen) => 2 * seqLen * dModel * dModel,
    };
  },
});

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
