/** Models whose answers are decoded from the last position alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { withReferenceForms } from '../ops/define-op.js';
import { type Examples, IGNORED_LABEL } from '../task.js';
import { expectClose, profiledMatMulFlops, testTensor } from '../testing/index.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree, unflattenTree } from '../tree.js';
import { batch, build, D, idsOf, L, leaf, mixer, perturbed, scalarValue } from './__fixtures__/small-model.js';
import type { LanguageModelParams } from './language-model.js';

beforeAll(async () => {
  await useEngine();
});

const model = build({ decoder: 'lastPosition' });

describe('a model with a decoder', () => {
  let params: LanguageModelParams;
  beforeAll(() => {
    params = perturbed(model.init(2));
  });
  afterAll(() => disposeTree(params));

  it('has its parameters beside those of the model, which start as without it', async () => {
    const [plain, fresh] = [build().init(3), model.init(3)];
    const own = flattenTree(fresh).filter(([path]) => path.startsWith('decoder.'));
    expect(own.map(([path, { shape }]) => `${path} ${shape}`)).toEqual([
      ...['norm1', 'fc1', 'norm2', 'fc2', 'normF'].flatMap((part) => [
        `decoder.${part}.weight ${part.startsWith('fc') ? [D, D] : D}`,
        `decoder.${part}.bias ${D}`,
      ]),
    ]);
    for (const [path, tensor] of flattenTree(plain)) await expectClose(leaf(fresh, path), tensor, 0, path);
    disposeTree(plain);
    disposeTree(fresh);
  });

  it('has the loss of its equations', async () => {
    const examples = batch();
    const expected = tf.tidy(() => {
      const norm = (name: string, x: tf.Tensor) => {
        const centred = tf.sub(x, tf.mean(x, -1, true));
        const scaled = tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5)));
        return tf.add(tf.mul(scaled, leaf(params, `${name}.weight`)), leaf(params, `${name}.bias`));
      };
      const layer = (name: string, x: tf.Tensor) => {
        const y = tf.add(
          tf.matMul(x as tf.Tensor2D, leaf(params, `${name}.weight`) as tf.Tensor2D),
          leaf(params, `${name}.bias`),
        );
        return tf.mul(tf.mul(y, 0.5), tf.add(tf.erf(tf.div(y, Math.SQRT2)), 1));
      };
      const hidden = model.hidden(params, idsOf(examples));
      const losses: tf.Tensor[] = [];
      for (const [index, label] of examples.labels.entries()) {
        if (label === IGNORED_LABEL) continue;
        const t = index % L;
        const angles = Array.from({ length: D / 2 }, (_, i) => t / 10_000 ** (i / (D / 2 - 1)));
        const position = [...angles.map(Math.sin), ...angles.map(Math.cos)];
        const last = tf.slice(hidden, [Math.floor(index / L), L - 1, 0], [1, 1, D]).reshape([1, D]);
        const inner = layer('decoder.fc1', norm('decoder.norm1', tf.add(last, tf.tensor2d([position]))));
        const z = norm('decoder.normF', layer('decoder.fc2', norm('decoder.norm2', inner)));
        const logits = tf.matMul(z as tf.Tensor2D, params.embedding.weight as tf.Tensor2D, false, true);
        losses.push(tf.neg(tf.slice(tf.logSoftmax(logits), [0, label], [1, 1])).reshape([]));
      }
      return tf.div(tf.addN(losses), losses.length);
    });
    const { loss, crossEntropy, correct } = model.loss(params, examples);
    await expectClose(loss, expected, 1e-5, 'loss');
    tf.dispose([expected, loss, crossEntropy, correct]);
  });

  it('has the gradient of central differences', async () => {
    const examples = batch();
    const leaves = flattenTree(params);
    const { grads } = tf.engine().gradients(
      () => model.loss(params, examples).loss,
      leaves.map(([, tensor]) => tensor),
    );
    for (const [index, [path, tensor]] of leaves.entries()) {
      const direction = testTensor(tensor.shape as [number], 90 + index);
      const at = (step: number) =>
        scalarValue(() => {
          const moved = leaves.map(([name, value]) => [
            name,
            name === path ? tf.add(value, tf.mul(direction, step)) : value,
          ]);
          return model.loss(unflattenTree(moved as never) as LanguageModelParams, examples).loss;
        });
      const slope = await scalarValue(() => tf.sum(tf.mul(grads[index] as tf.Tensor, direction)));
      const scale = await scalarValue(() => tf.norm(grads[index] as tf.Tensor));
      const difference = ((await at(2e-3)) - (await at(-2e-3))) / 4e-3;
      expect(Math.abs(difference - slope), `${path}: ${difference} against ${slope}`).toBeLessThan(0.02 * scale + 5e-4);
    }
    tf.dispose(grads);
  });

  it('tells answers from the last position alone: what stands elsewhere tells nothing by where it stands', async () => {
    const one = build({ layers: [{ sequenceMixer: mixer }], decoder: 'lastPosition' });
    const own = perturbed(one.init(2));
    const ask = (tokens: number[]): Examples => ({
      count: 1,
      seqLen: 5,
      inputs: Int32Array.from(tokens),
      labels: Int32Array.from([1, 2, 3, 4, 5]),
    });
    const lossOf = (tokens: number[]) => scalarValue(() => one.loss(own, ask(tokens)).loss);
    // The mixer of these tests takes the mean of all tokens so far, the last one's included: order is lost before it.
    expect(await lossOf([3, 1, 7, 7, 9])).toBeCloseTo(await lossOf([7, 3, 7, 1, 9]), 5);
    expect(Math.abs((await lossOf([3, 1, 7, 7, 9])) - (await lossOf([3, 1, 7, 2, 9])))).toBeGreaterThan(1e-4);
    disposeTree(own);
  });

  it('counts its work', async () => {
    const examples = batch(1, 1);
    const counted = await profiledMatMulFlops(() =>
      withReferenceForms(() => tf.tidy(() => model.loss(params, examples).loss)),
    );
    expect(counted).toBeCloseTo(model.flops(L, L), 0);
    expect(model.flops(L, L) - build().flops(L, L)).toBe(4 * L * D ** 2);
  });
});

it('is refused by a task that asks for none, and its lack by one that does', async () => {
  const { createTrainer } = await import('../train/trainer.js');
  const { settings, VOCAB } = await import('../train/__fixtures__/marker-run.js');
  const { task } = settings();
  const vocabulary = { vocabSize: VOCAB };
  const decoding = build({ ...vocabulary, decoder: 'lastPosition' });
  await expect(createTrainer(settings({ model: decoding }))).rejects.toThrow(
    /expected a model without a decoder for task 'marker', got one with decoder 'lastPosition'/,
  );
  const asking = { ...task, decoder: 'lastPosition' as const };
  await expect(createTrainer(settings({ model: build(vocabulary), task: asking }))).rejects.toThrow(
    /expected a model with decoder 'lastPosition' for task 'marker', got one without a decoder.*the task's decoder/,
  );
});
