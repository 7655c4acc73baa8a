import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { averagingMixer } from '../model/__fixtures__/averaging-mixer.js';
import { createLanguageModel, type LanguageModelParams } from '../model/language-model.js';
import { createRng } from '../rng.js';
import { type Examples, IGNORED_LABEL } from '../task.js';
import * as tf from '../tf.js';
import { evaluateExamples, sliceExamples } from './evaluate.js';

const V = 9;
const model = createLanguageModel({
  vocabSize: V,
  dModel: 4,
  layers: [{ sequenceMixer: averagingMixer({ dModel: 4 }) }],
});
let params: LanguageModelParams;

/** Labels at some of the positions 2 to 5; about half of them what the model says. */
async function examples(count: number): Promise<Examples> {
  const rng = createRng(8);
  const seqLen = 6;
  const inputs = Int32Array.from({ length: count * seqLen }, () => rng.integer(V));
  const everywhere = { count, seqLen, inputs, labels: new Int32Array(inputs.length) };
  const predicted = await model.predict(params, everywhere).data();
  const labels = Int32Array.from(inputs, (_, index) => {
    const position = index % seqLen;
    if (position < 2 || (position !== 5 && rng.uniform() < 0.5)) return IGNORED_LABEL;
    return rng.uniform() < 0.5 ? (predicted[index] as number) : rng.integer(V);
  });
  return { ...everywhere, labels };
}

beforeAll(async () => {
  await useEngine();
  params = model.init(3);
});

describe('evaluateExamples', () => {
  it('counts what predict answers, per example and per position', async () => {
    const set = await examples(10);
    const answers = await model.predict(params, set).data();
    const perExample = new Int32Array(10);
    const perPosition = new Map<number, { correct: number; total: number }>();
    let next = 0;
    for (const [index, label] of set.labels.entries()) {
      if (label === IGNORED_LABEL) continue;
      const hit = answers[next++] === label ? 1 : 0;
      const example = Math.floor(index / 6);
      perExample[example] = (perExample[example] as number) + hit;
      const slice = perPosition.get(index % 6) ?? { correct: 0, total: 0 };
      perPosition.set(index % 6, { correct: slice.correct + hit, total: slice.total + 1 });
    }
    const result = await evaluateExamples(model, params, set, 4);
    expect(result.perExampleCorrect).toEqual(perExample);
    expect(result.perPosition.map(({ position }) => position)).toEqual([2, 3, 4, 5]);
    for (const { position, correct, total, accuracy } of result.perPosition) {
      expect({ correct, total }).toEqual(perPosition.get(position));
      expect(accuracy).toBe(correct / total);
    }
    expect(result.total).toBe(next);
    expect(result.correct).toBe(perExample.reduce((a, b) => a + b, 0));
    expect(result.perExampleTotal.reduce((a, b) => a + b, 0)).toBe(next);
    expect(result.correct).toBeGreaterThan(0);
    expect(result.correct).toBeLessThan(next);
  });

  it('does not depend on the batch size', async () => {
    const set = await examples(9);
    const [whole, parts] = [
      await evaluateExamples(model, params, set, 100),
      await evaluateExamples(model, params, set, 2),
    ];
    expect(parts.loss).toBeCloseTo(whole.loss, 5);
    expect({ ...parts, loss: 0 }).toEqual({ ...whole, loss: 0 });
    const [loss] = await model.loss(params, set).loss.data();
    expect(whole.loss).toBeCloseTo(loss as number, 6);
  });

  it('leaks no tensor', async () => {
    const set = await examples(5);
    const before = tf.memory().numTensors;
    await evaluateExamples(model, params, set, 2);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('sliceExamples', () => {
  it('takes whole examples', () => {
    const set = {
      count: 3,
      seqLen: 2,
      inputs: Int32Array.of(0, 1, 2, 3, 4, 5),
      labels: Int32Array.of(6, 7, 8, 9, 10, 11),
    };
    expect(sliceExamples(set, 1, 2)).toEqual({
      count: 2,
      seqLen: 2,
      inputs: Int32Array.of(2, 3, 4, 5),
      labels: Int32Array.of(8, 9, 10, 11),
    });
  });
});
