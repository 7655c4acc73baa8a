import { attention } from '@mixerzoo/attention';
import { createLanguageModel, disposeTree, tf, useEngine } from '@mixerzoo/core';
import { mqar } from '@mixerzoo/tasks';
import { expect, it } from 'vitest';
import { measureGeneration } from './generation-cost.js';

it('times prompt and tokens within the positions a model knows, and leaves no tensor', async () => {
  await useEngine('wasm');
  const task = mqar({ vocabSize: 32, seqLen: 16, numKvPairs: 4 });
  const layers = [{ sequenceMixer: attention({ dModel: 8 }) }];
  const model = createLanguageModel({ vocabSize: 32, dModel: 8, layers, positions: 'learned', maxPositions: 16 });
  const params = model.init(0);
  const before = tf.memory().numTensors;
  const cost = await measureGeneration(model, params, task);
  expect(cost.promptLength).toBe(8);
  expect(cost.prefillMs).toBeGreaterThan(0);
  expect(cost.tokenMs).toBeGreaterThan(0);
  expect(tf.memory().numTensors).toBe(before);
  disposeTree(params);
});
