import { attention } from '@mixerzoo/attention';
import { createLanguageModel, disposeState, disposeTree, tf, useEngine } from '@mixerzoo/core';
import { mqar, selectiveCopy } from '@mixerzoo/tasks';
import { describe, expect, it } from 'vitest';
import { assertFreeRunning, evaluateFreeRunning } from './free-running.js';

const task = selectiveCopy({ seqLen: 12, numSignals: 3, signalVocabSize: 3, noiseVocabSize: 1 });
const COUNT = 40;

describe('evaluateFreeRunning', () => {
  it('answers as the model does when it generates, and leaves no tensor', async () => {
    await useEngine('wasm');
    const layers = [{ sequenceMixer: attention({ dModel: 8 }) }];
    const model = createLanguageModel({
      vocabSize: task.vocabSize,
      dModel: 8,
      layers,
      tieEmbeddings: false, // tied, a fresh model repeats the token it has read
      positions: 'learned',
      maxPositions: 13, // the last answer is one more token where it is fed back
    });
    const params = model.init(5);
    const examples = task.generate({ split: 'test', seed: 3, count: COUNT });

    // By the recurrent form: the prompt up to the separator, then its own answers.
    const right = Array.from({ length: COUNT }, () => [] as boolean[]);
    for (let example = 0; example < COUNT; example++) {
      const at = example * 12;
      const prompt = tf.tensor2d(examples.inputs.slice(at, at + 10), [1, 10], 'int32');
      let { logits, state } = model.prefill(params, prompt);
      for (let place = 0; place < 3; place++) {
        const answer = tf.argMax(logits, -1) as tf.Tensor1D;
        const [token] = await answer.data();
        right[example]!.push(token === examples.labels[at + 9 + place]);
        logits.dispose();
        ({ logits, state } = model.step(params, answer, state));
        answer.dispose();
      }
      tf.dispose([prompt, logits]);
      disposeState(state);
    }

    const before = tf.memory().numTensors;
    const found = await evaluateFreeRunning(model, params, examples, { batchSize: 16 });
    expect(tf.memory().numTensors).toBe(before);
    expect(found.perPosition).toEqual([0, 1, 2].map((place) => right.filter((places) => places[place]).length / COUNT));
    expect(found).toMatchObject({
      correct: right.flat().filter(Boolean).length,
      total: 3 * COUNT,
      examples: COUNT,
      exactMatches: right.filter((places) => places.every(Boolean)).length,
    });
    expect(found.correct).toBeGreaterThan(0);
    expect(found.correct).toBeLessThan(3 * COUNT);
    disposeTree(params);
  });
});

describe('assertFreeRunning', () => {
  it('takes tasks that end with their answer, and no others', async () => {
    await expect(assertFreeRunning(task)).resolves.toBeUndefined();
    await expect(assertFreeRunning(mqar({ seqLen: 16, numKvPairs: 4 }))).rejects.toThrow(
      /mqar: expected a task that ends with its whole answer.*selectiveCopy/,
    );
  });
});
