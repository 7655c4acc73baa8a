import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { NumericalError, ShapeError } from '../errors.js';
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
    const perLabel: number[] = [];
    const perPosition = new Map<number, { correct: number; total: number }>();
    let next = 0;
    for (const [index, label] of set.labels.entries()) {
      if (label === IGNORED_LABEL) continue;
      const hit = answers[next++] === label ? 1 : 0;
      perLabel.push(hit);
      const example = Math.floor(index / 6);
      perExample[example] = (perExample[example] as number) + hit;
      const slice = perPosition.get(index % 6) ?? { correct: 0, total: 0 };
      perPosition.set(index % 6, { correct: slice.correct + hit, total: slice.total + 1 });
    }
    const result = await evaluateExamples(model, params, set, 4);
    expect(result.perExampleCorrect).toEqual(perExample);
    expect([...result.perLabelCorrect]).toEqual(perLabel);
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

  it('sums the losses of all tokens to the loss of the whole', async () => {
    const set = await examples(9);
    const tokenBytes = Uint16Array.from({ length: V }, (_, token) => token);
    const whole = await evaluateExamples(model, params, set, 4);
    const each = await evaluateExamples(model, params, set, 4, { perToken: true, tokenBytes });
    expect(each.loss).toBeCloseTo(whole.loss, 5);
    expect([each.correct, each.total]).toEqual([whole.correct, whole.total]);
    const nats = each.loss * each.total;
    expect(each.perExampleLoss?.reduce((a, b) => a + b, 0)).toBeCloseTo(nats, 6);
    expect(each.perPosition.reduce((sum, { loss = Number.NaN, total }) => sum + loss * total, 0)).toBeCloseTo(nats, 6);
    const bytes = set.labels.reduce((sum, label) => sum + Math.max(0, label), 0);
    expect([each.bytes, each.bitsPerByte]).toEqual([bytes, expect.closeTo(nats / bytes / Math.LN2, 6)]);
    expect(Object.keys(whole)).not.toContain('perExampleLoss');
  });

  it('tells of every batch', async () => {
    let told = 0;
    await evaluateExamples(model, params, await examples(9), 2, {
      onBatch: () => {
        told += 1;
      },
    });
    expect(told).toBe(5);
  });

  it('leaves rows without a label out, whatever the batch size', async () => {
    const seqLen = 4;
    const none = IGNORED_LABEL;
    const set: Examples = {
      count: 3,
      seqLen,
      inputs: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 3, 5),
      labels: Int32Array.of(none, 3, none, 4, none, none, none, none, none, none, 7, none),
    };
    // By hand: log sum exp less the label's logit, in double precision, from the logits of all positions.
    const ids = tf.tensor2d(set.inputs, [3, seqLen], 'int32');
    const logits = (await tf.tidy(() => model.logits(params, model.hidden(params, ids))).data()) as Float32Array;
    const losses = [...set.labels].flatMap((label, index) => {
      if (label === none) return [];
      const row = logits.subarray(index * V, (index + 1) * V);
      return [Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - (row[label] as number)];
    });
    const expected = losses.reduce((sum, loss) => sum + loss, 0) / 3;
    const results = await Promise.all([3, 2, 1].map((size) => evaluateExamples(model, params, set, size)));
    for (const result of results) {
      expect(result.loss).toBeCloseTo(expected, 6);
      expect({ ...result, loss: 0 }).toEqual({ ...results[0], loss: 0 });
      expect([...result.perExampleTotal]).toEqual([2, 0, 1]);
    }
  });

  it('refuses what gives no number, at any batch size', async () => {
    const set = await examples(3);
    const none = set.labels.map(() => IGNORED_LABEL);
    const outside = {
      ...set,
      inputs: set.inputs.with(0, V),
      labels: set.labels.map((l, i) => (i < 6 ? IGNORED_LABEL : l)),
    };
    for (const size of [3, 1]) {
      const refuses = async (bad: Examples, error: new (...args: never[]) => Error, message: RegExp) => {
        await expect(evaluateExamples(model, params, bad, size)).rejects.toThrow(error);
        await expect(evaluateExamples(model, params, bad, size)).rejects.toThrow(message);
      };
      await refuses(sliceExamples(set, 0, 0), ShapeError, /^evaluate: expected at least one example, got none/);
      await refuses({ ...set, labels: none }, ShapeError, /^evaluate: expected a label at one position at least/);
      await refuses(outside, ShapeError, /^evaluate: expected every token in \[0, 9\), got 9 in example 0/);
    }
    for (const size of [0, -1, 0.5, Number.NaN]) {
      await expect(evaluateExamples(model, params, set, size)).rejects.toThrow(
        `evaluate: expected a batchSize of whole sequences from 1, got ${size}.`,
      );
    }
  });

  it('names the length at which the loss is not finite', async () => {
    const set = await examples(3);
    const broken = { ...params, embedding: { weight: tf.fill([V, 4], Number.NaN) } };
    const evaluation = evaluateExamples(model, broken, set, 2);
    await expect(evaluation).rejects.toThrow(NumericalError);
    await expect(evaluation).rejects.toThrow('evaluate: expected a finite loss at length 6, got NaN.');
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
