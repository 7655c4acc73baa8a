import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from './engines/index.js';
import { InvalidConfigError, ShapeError } from './errors.js';
import { randomNormal } from './random-tensors.js';
import { assertSameStructure, createParameters } from './structure.js';
import * as tf from './tf.js';
import { disposeTree, mapTree, type Tree, withTensors } from './tree.js';

beforeAll(async () => {
  await useEngine();
});

describe('assertSameStructure', () => {
  const tree = () => ({ embedding: { weight: tf.zeros([3, 2]) }, layers: { 0: { bias: tf.ones([4]) } } });
  const refuses = (received: unknown, message: string) =>
    expect(() => assertSameStructure(tree(), received as Tree, 'model')).toThrow(message);

  it('names the first difference of two structures', () => {
    const { embedding, layers } = tree();
    expect(() => assertSameStructure(tree(), { embedding, layers }, 'model')).not.toThrow();
    refuses({ embedding }, "model: expected a tensor 'layers.0.bias' [4], got none.");
    refuses(
      { embedding: { weight: tf.zeros([2, 3]) }, layers },
      "model: expected 'embedding.weight' [3, 2], got [2, 3].",
    );
    refuses(
      { embedding, layers: { 0: { bias: tf.ones([4], 'int32') } } },
      "model: expected 'layers.0.bias' of dtype float32, got int32.",
    );
    refuses({ embedding, layers, extra: tf.zeros([1]) }, "model: unexpected tensor 'extra'.");
    refuses(undefined, 'model: tree: expected a plain object of tensors at its root, got undefined.');
  });

  it('refuses tensors that are freed, or of another copy of TensorFlow.js', () => {
    const { embedding, layers } = tree();
    const foreign = Object.assign(Object.create(tf.Tensor.prototype), { dataId: {}, shape: [4], dtype: 'float32' });
    refuses(
      { embedding, layers: { 0: { bias: foreign } } },
      "model: expected 'layers.0.bias' of this copy of TensorFlow.js",
    );
    layers[0].bias.dispose();
    refuses({ embedding, layers }, "model: expected tensors in use, got 'layers.0.bias' that is freed.");
  });
});

describe('createParameters', () => {
  let made = 0;
  const create = () =>
    createParameters('thing', (seed, nLayers = 1) => {
      made += 1;
      return { weight: randomNormal<tf.Rank.R2>([2, 2], 1 / nLayers, seed), bias: tf.zeros([2]) };
    });

  it('takes what init made, and trees like it, by one look at each', () => {
    const parameters = create();
    const params = parameters.init(1);
    expect(parameters.size).toBe(6);
    made = 0;
    parameters.assert('thing.apply', params);
    parameters.assert('thing.apply', withTensors(params, [params.weight, params.bias]));
    expect(made).toBe(0);
    expect(() => parameters.assert('thing.apply', {} as never)).toThrow(
      "thing.apply: expected a tensor 'weight' [2, 2], got none. Pass parameters that the init of thing made, with this config.",
    );
  });

  it('knows the structure before anything was made, and keeps no tensor for it', () => {
    const parameters = create();
    const other = { weight: tf.zeros([3]) };
    const before = tf.memory().numTensors;
    expect(() => parameters.assert('thing.apply', other as never)).toThrow(
      "thing.apply: expected 'weight' [2, 2], got [3].",
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  it('sees that parameters were freed after they were taken', () => {
    const parameters = create();
    const params = parameters.init(1);
    parameters.assert('thing.apply', params);
    params.bias.dispose();
    expect(() => parameters.assert('thing.apply', params)).toThrow(ShapeError);
    expect(() => parameters.assert('thing.apply', params)).toThrow(
      "thing.apply: expected tensors in use, got 'bias' that is freed. An optimizer's update consumes",
    );
    disposeTree(params);
  });

  it('refuses what is no seed and no number of layers', () => {
    const parameters = create();
    for (const seed of [0.5, Number.NaN, Infinity, 2 ** 32, -(2 ** 31) - 1, 'a', undefined, null]) {
      expect(() => parameters.init(seed as number)).toThrow(InvalidConfigError);
      expect(() => parameters.init(seed as number)).toThrow(
        /^thing\.init: expected a seed, a whole number from -2147483648 to 4294967295, got /,
      );
    }
    expect(() => parameters.init(1, 0)).toThrow('thing.init: expected a number of layers from 1, got 0.');
    for (const seed of [0, -1, -(2 ** 31), 2 ** 32 - 1]) disposeTree(parameters.init(seed, 2));
  });

  it('refuses those of another mixer or config of equal shapes, however often they were updated, but not a copy', () => {
    const withHeads = (nHeads: number, name = 'heads') =>
      createParameters(name, (seed) => ({ weight: randomNormal<tf.Rank.R2>([2, 2], 1, seed) }), { nHeads });
    const params = withHeads(2).init(1);
    const updated = mapTree(params, (leaf) => leaf.add(1));
    withHeads(2).assert('heads.apply', params);
    withHeads(2).assert('heads.apply', updated);
    for (const given of [params, updated]) {
      expect(() => withHeads(4).assert('heads.apply', given)).toThrow(
        'heads.apply: expected parameters of this mixer, got others: nHeads is 4 here and 2 there. ' +
          'Pass parameters that the init of heads made, with this config. If you mean it, pass a copy: { ...params }.',
      );
      expect(() => withHeads(2, 'tails').assert('tails.apply', given)).toThrow("got those of 'heads'.");
      withHeads(4).assert('heads.apply', { ...given });
    }
    disposeTree(params);
    disposeTree(updated);
  });

  it('takes those of a mixer that hands on what one within it made, in both', () => {
    const within = createParameters('within', () => ({ weight: tf.ones([2]) }), { nHeads: 2 });
    const around = createParameters('around', (seed) => within.init(seed), { nHeads: 2 });
    const params = around.init(1);
    around.assert('around.apply', params);
    within.assert('within.apply', params);
    disposeTree(params);
  });
});
