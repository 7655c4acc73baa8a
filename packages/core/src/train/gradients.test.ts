import { beforeAll, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { averagingMixer } from '../model/__fixtures__/averaging-mixer.js';
import { createLanguageModel } from '../model/language-model.js';
import { globalNorm } from '../ops/adam-w/index.js';
import { expectClose } from '../testing/compare.js';
import * as tf from '../tf.js';
import { disposeTree, treeTensors } from '../tree.js';
import { computeGradients } from './gradients.js';
import { createOptimizer } from './optimizer.js';

beforeAll(async () => {
  await useEngine();
});

const build = (tieEmbeddings: boolean) =>
  createLanguageModel({
    vocabSize: 5,
    dModel: 4,
    layers: [{ sequenceMixer: averagingMixer({ dModel: 4 }) }],
    dropout: { embedding: 0, residual: 0 },
    tieEmbeddings,
  });
const batch = { count: 1, seqLen: 3, inputs: Int32Array.of(1, 2, 3), labels: Int32Array.of(2, 0, 4) };
const context = { training: true, seed: 1 };

it('gives a tied parameter the gradient of all its uses, once', async () => {
  const [tied, untied] = [build(true), build(false)];
  const params = tied.init(3);
  const both = { ...params, head: { weight: params.embedding.weight } };
  const before = tf.memory().numTensors;
  const expected = await computeGradients(tied, params, batch, context);
  const found = await computeGradients(untied, both, batch, context);
  const { embedding, head } = found.grads as typeof both;
  expect(head.weight).toBe(embedding.weight);
  await expectClose(embedding.weight, (expected.grads as typeof params).embedding.weight, 1e-6);
  expect(found.gradientNorm).toBeCloseTo(expected.gradientNorm, 6);
  const norm = globalNorm(treeTensors(found.grads));
  expect((await norm.data())[0]).toBeCloseTo(found.gradientNorm, 6);

  const optimizer = createOptimizer({ learningRate: 0.1 });
  const next = optimizer.update(both, found.grads, optimizer.init(both));
  expect(next.params.head.weight).toBe(next.params.embedding.weight);
  tf.dispose(norm);
  for (const tree of [found.grads, expected.grads, next.state.m, next.state.v]) disposeTree(tree);
  expect(tf.memory().numTensors).toBe(before);
  disposeTree(next.params);
});
