import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from './engines/index.js';
import { averagingMixer } from './model/__fixtures__/averaging-mixer.js';
import { mlp } from './model/channel-mixer.js';
import { createLanguageModel } from './model/language-model.js';
import { randomNormal, randomUniform } from './random-tensors.js';
import { isWithoutNumbers, withoutNumbers } from './shapes.js';
import { createParameters } from './structure.js';
import * as tf from './tf.js';
import { treeSize } from './tree.js';

beforeAll(async () => {
  await useEngine();
});

describe('without numbers', () => {
  const shapeOf = (make: () => tf.Tensor) =>
    withoutNumbers(() => {
      const { shape, dtype } = make();
      return { shape, dtype };
    });

  it('tensors have the shape and type that they would have', () => {
    const makers: (() => tf.Tensor)[] = [
      () => randomNormal([3, 2], 1, 1).add(tf.ones([2])),
      () => randomUniform([4], 0, 1, 1).log().neg().expandDims(-1),
      () =>
        tf
          .eye(3)
          .expandDims(0)
          .pad([
            [0, 2],
            [0, 0],
            [1, 0],
          ]),
      () => tf.zeros([6]).reshape([2, -1]).mul(tf.scalar(2)),
      () => tf.fill([2, 2], 3).sqrt().cast('int32'),
      () =>
        tf
          .tensor2d(new Float32Array(6), [2, 3])
          .div(tf.fill([2, 1], 2))
          .clone(),
    ];
    for (const make of makers) {
      const { shape, dtype } = make();
      expect(shapeOf(make), String(make)).toEqual({ shape, dtype });
    }
  });

  it('gives up where numbers are needed, and leaves the engine as it was', async () => {
    const { numTensors } = tf.memory();
    const name = tf.getBackend();
    expect(withoutNumbers(() => tf.ones([2]).dataSync()[0])).toBeUndefined();
    expect(withoutNumbers(() => tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])).shape)).toBeUndefined();
    expect([tf.getBackend(), isWithoutNumbers(), tf.memory().numTensors]).toEqual([name, false, numTensors]);
    expect(await tf.ones([2]).add(1).array()).toEqual([2, 2]);
    expect(withoutNumbers(isWithoutNumbers)).toBe(true);
  });

  it('parameters that need numbers to be made are counted all the same', () => {
    const made = createParameters('odd', () => ({ a: tf.matMul(tf.ones([2, 3]), tf.ones([3, 5])) }));
    expect(made.size).toBe(10);
  });
});

it('counts the parameters of a model that no memory could hold, and those of a small one as they are', () => {
  const model = (dModel: number, vocabSize: number, nLayers: number) =>
    createLanguageModel({
      vocabSize,
      dModel,
      tieEmbeddings: false,
      layers: Array.from({ length: nLayers }, () => ({
        sequenceMixer: averagingMixer({ dModel }),
        channelMixer: mlp({ dModel }),
      })),
    });
  const small = model(4, 7, 2);
  const counted = small.parameterCount;
  expect(counted).toBe(treeSize(small.init(1)));
  const { numBytes } = tf.memory();
  const d = 16_384;
  const huge = model(d, 128_256, 80);
  expect(huge.parameterCount).toBeGreaterThan(80 * 8 * d ** 2); // 172 billion in the channel mixers
  expect(tf.memory().numBytes).toBe(numBytes);
});
