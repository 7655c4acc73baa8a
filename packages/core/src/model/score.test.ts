/** Scores of tokens are held to a log-softmax in float64 of the model's own logits, and to its loss. */
import { beforeAll, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { InvalidConfigError, NumericalError, ShapeError } from '../errors.js';
import { IGNORED_LABEL } from '../task.js';
import * as tf from '../tf.js';
import { disposeTree } from '../tree.js';
import { batch, build, idsOf, perturbed, scalarValue, V } from './__fixtures__/small-model.js';
import { scoreTokens } from './score.js';

beforeAll(async () => {
  await useEngine();
});

it.each([true, false])(
  'scores labelled tokens as a log-softmax of the logits does, tied: %s',
  async (tieEmbeddings) => {
    const model = build({ tieEmbeddings });
    const params = perturbed(model.init(1));
    const examples = batch(0.5, 3);
    const logits = tf.tidy(() => model.logits(params, model.hidden(params, idsOf(examples))));
    const rows = await logits.data();
    const before = tf.memory().numTensors;
    const { logProb, greedy } = await scoreTokens(model, params, examples, { chunk: 4 });
    expect(tf.memory().numTensors).toBe(before);
    const labelled = [...examples.labels.entries()].filter(([, label]) => label !== IGNORED_LABEL);
    expect(labelled.length).toBeGreaterThan(8); // several chunks, and one that is not full
    expect(logProb.length).toBe(labelled.length);
    for (const [index, [position, label]] of labelled.entries()) {
      const row = Array.from(rows.slice(position * V, (position + 1) * V));
      const max = Math.max(...row);
      const total = row.reduce((sum, value) => sum + Math.exp(value - max), 0);
      expect(logProb[index]).toBeCloseTo((row[label] as number) - max - Math.log(total), 5);
      expect(greedy[index]).toBe(row.indexOf(max) === label ? 1 : 0);
    }
    const loss = await scalarValue(() => model.loss(params, examples).crossEntropy);
    expect(-logProb.reduce((sum, value) => sum + value, 0) / logProb.length).toBeCloseTo(loss, 5);
    logits.dispose();
    disposeTree(params);
  },
);

it('gives the same in chunks of any size', async () => {
  const model = build();
  const params = perturbed(model.init(2));
  const whole = await scoreTokens(model, params, batch(1));
  for (const chunk of [1, 3, 5, 1000]) {
    const parts = await scoreTokens(model, params, batch(1), { chunk });
    expect(parts.greedy).toEqual(whole.greedy);
    for (const [index, value] of whole.logProb.entries()) expect(parts.logProb[index]).toBeCloseTo(value, 5);
  }
  disposeTree(params);
});

it('refuses what cannot be scored', async () => {
  const model = build();
  const params = model.init(1);
  await expect(scoreTokens(model, params, batch(0))).rejects.toThrow(ShapeError);
  await expect(scoreTokens(model, params, batch(1), { chunk: 0.5 })).rejects.toThrow(InvalidConfigError);
  const lost = { ...params, embedding: { weight: tf.fill([V, model.dModel], Number.NaN) } };
  await expect(scoreTokens(model, lost, batch(1))).rejects.toThrow(NumericalError);
  disposeTree(params);
  lost.embedding.weight.dispose();
});
