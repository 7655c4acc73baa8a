/** Scores by a model: padded batches, perplexity by length and position. */
import { attention } from '@mixerzoo/attention';
import {
  createLanguageModel,
  createRng,
  disposeTree,
  type Examples,
  type LanguageModelParams,
  scoreTokens,
  tf,
  useEngine,
} from '@mixerzoo/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenPair } from './encode.js';
import { createModelScorer } from './model-scorer.js';
import { measurePerplexity } from './perplexity.js';

const V = 19;
const model = createLanguageModel({
  vocabSize: V,
  dModel: 16,
  layers: [{ sequenceMixer: attention({ dModel: 16, nHeads: 2, positional: 'rope' }), channelMixer: 'mlp' }],
});
let params: LanguageModelParams;
beforeAll(async () => {
  await useEngine('wasm');
  params = model.init(3);
});
afterAll(() => disposeTree(params));

/** Log-probabilities [L, V] of a text's next tokens. */
async function nextTokens(input: readonly number[]): Promise<number[][]> {
  const tensor = tf.tidy(() => {
    const ids = tf.tensor2d([...input], [1, input.length], 'int32');
    return tf.logSoftmax(model.logits(params, model.hidden(params, ids))).squeeze<tf.Tensor2D>([0]);
  });
  const rows = await tensor.array();
  tensor.dispose();
  return rows;
}

describe('a scorer', () => {
  it('answers pieces of any length in one batch as it does alone', async () => {
    const rng = createRng(1);
    const tokens = (count: number) => Array.from({ length: count }, () => rng.integer(V));
    const pieces: TokenPair[] = [1, 5, 9, 2].map((context, index) => ({
      context: tokens(context),
      continuation: tokens(index + 1),
    }));
    const before = tf.memory().numTensors;
    const answers = await createModelScorer(model, params)(pieces, 8);
    expect(tf.memory().numTensors).toBe(before);
    for (const [index, { context, continuation }] of pieces.entries()) {
      const text = [...context, ...continuation].slice(-9);
      const rows = await nextTokens(text.slice(0, -1));
      const last = rows.slice(-continuation.length);
      const expected = continuation.reduce((sum, token, place) => sum + last[place]![token]!, 0);
      expect(answers[index]!.logLikelihood).toBeCloseTo(expected, 4);
      const greedy = continuation.every((token, place) => last[place]!.indexOf(Math.max(...last[place]!)) === token);
      expect(answers[index]!.greedy).toBe(greedy);
    }
  });

  it('says where a continuation is the most likely one', async () => {
    const context = [4, 7];
    const continuation: number[] = [];
    for (let count = 0; count < 3; count++) {
      const row = (await nextTokens([...context, ...continuation])).at(-1)!;
      continuation.push(row.indexOf(Math.max(...row)));
    }
    const other = continuation.with(2, (continuation[2]! + 1) % V);
    const score = createModelScorer(model, params);
    const answers = await score(
      [
        { context, continuation },
        { context, continuation: other },
      ],
      16,
    );
    expect(answers.map(({ greedy }) => greedy)).toEqual([true, false]);
  });
});

describe('perplexity', () => {
  const [count, seqLen] = [5, 12];
  const rng = createRng(2);
  const draw = () => Int32Array.from({ length: count * seqLen }, () => rng.integer(V));
  const examples: Examples = { count, seqLen, inputs: draw(), labels: draw() };

  it('is the exponential of the mean loss, by position too', async () => {
    const tokenBytes = Array.from({ length: V }, (_, token) => token % 4);
    const found = await measurePerplexity(model, params, examples, { bucket: 5, batchSize: 2, tokenBytes });
    const { logProb } = await scoreTokens(model, params, examples);
    const nats = [...logProb].map((value) => -value);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(found).toMatchObject({ length: 12, windows: 5, tokens: 60 });
    expect(found.loss).toBeCloseTo(mean(nats), 5);
    expect(found.perplexity).toBeCloseTo(Math.exp(mean(nats)), 3);
    const bytes = examples.labels.reduce((sum, label) => sum + (label % 4), 0);
    expect(found.bitsPerByte).toBeCloseTo((60 * mean(nats)) / bytes / Math.LN2, 5);
    expect(found.positions.map(({ from, to }) => [from, to])).toEqual([
      [0, 5],
      [5, 10],
      [10, 12],
    ]);
    for (const { from, to, loss, perplexity } of found.positions) {
      expect(loss).toBeCloseTo(mean(nats.filter((_, index) => index % 12 >= from && index % 12 < to)), 5);
      expect(perplexity).toBeCloseTo(Math.exp(loss), 9);
    }
    const windows = Array.from({ length: 5 }, (_, window) => mean(nats.slice(window * 12, (window + 1) * 12)));
    const spread = Math.sqrt(windows.reduce((sum, value) => sum + (value - mean(windows)) ** 2, 0) / 4);
    expect(found.stderr).toBeCloseTo(spread / Math.sqrt(5), 5);
  });

  it('says nothing of what is not known', async () => {
    const one = { count: 1, seqLen, inputs: examples.inputs.slice(0, 12), labels: examples.labels.slice(0, 12) };
    const found = await measurePerplexity(model, params, one, { bucket: 12, batchSize: 4 });
    expect(found).toMatchObject({ stderr: null, bitsPerByte: null, windows: 1 });
    await expect(measurePerplexity(model, params, one, { bucket: 0, batchSize: 4 })).rejects.toThrow(
      'expected bucket to be a whole number from 1, got 0',
    );
  });
});
