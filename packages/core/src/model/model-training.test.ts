/** What a model does in training alone: dropout, auxiliary losses. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { EVALUATION } from '../mixer.js';
import * as tf from '../tf.js';
import { disposeTree } from '../tree.js';
import { averagingMixer } from './__fixtures__/averaging-mixer.js';
import { batch, build, D, mixer, perturbed, scalarValue } from './__fixtures__/small-model.js';
import type { LanguageModelParams } from './language-model.js';

beforeAll(async () => {
  await useEngine();
});

describe('dropout', () => {
  const model = build({ dropout: { embedding: 0.5, residual: 0.5 } });
  const losses = async (training: boolean, seed: number, params: LanguageModelParams) =>
    (await model.loss(params, batch(), { training, seed }).loss.data())[0] as number;

  it('acts in training alone, by its seed', async () => {
    const params = perturbed(model.init(1));
    expect(await losses(true, 1, params)).toBe(await losses(true, 1, params));
    expect(await losses(true, 1, params)).not.toBe(await losses(true, 2, params));
    expect(await losses(false, 1, params)).toBe(await losses(false, 2, params));
    const off = build();
    expect((await off.loss(params, batch(), { training: true, seed: 1 }).loss.data())[0]).toBe(
      await losses(false, 1, params),
    );
    disposeTree(params);
  });

  it('zeroes the share of the embedding it is told to', async () => {
    let share = Promise.resolve(Number.NaN);
    const observing = {
      ...mixer,
      apply(params: never, x: tf.Tensor3D) {
        share = scalarValue(() => tf.mean(tf.cast(tf.equal(x, 0), 'float32')));
        return mixer.apply(params, x, EVALUATION);
      },
    };
    // Right before the mixer is a norm that keeps zeros.
    const model = build({
      layers: [{ sequenceMixer: observing, residual: 'mixerOnly' }],
      dropout: { embedding: 0.25, residual: 0 },
      norm: 'rmsNorm',
    });
    const params = model.init(1);
    const { loss, crossEntropy, correct } = model.loss(params, batch(0.5, 40, 50), { training: true, seed: 3 });
    expect(await share).toBeCloseTo(0.25, 1);
    tf.dispose([loss, crossEntropy, correct]);
    disposeTree(params);
  });
});

describe('auxiliary losses', () => {
  it('are added in training alone, and not to the cross-entropy', async () => {
    const model = build({ layers: [{ sequenceMixer: averagingMixer({ dModel: D, auxiliary: 0.5 }) }] });
    const params = perturbed(model.init(1));
    const [training, evaluation] = [
      model.loss(params, batch(), { training: true, seed: 1 }),
      model.loss(params, batch()),
    ];
    const read = async (tensor: tf.Tensor) => (await tensor.data())[0] as number;
    expect(await read(training.loss)).toBeGreaterThan((await read(training.crossEntropy)) + 1e-3);
    expect(await read(training.crossEntropy)).toBe(await read(evaluation.loss));
    expect(await read(evaluation.crossEntropy)).toBe(await read(evaluation.loss));
    disposeTree(params);
  });
});
