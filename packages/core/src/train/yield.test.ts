import { beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import type { TaskFactory } from '../task.js';

// A hidden tab: no frame is ever drawn. TensorFlow.js looks once, when it is loaded.
vi.stubGlobal('requestAnimationFrame', () => 0);
const core = await import('../index.js');
const { averagingMixer } = await import('../model/__fixtures__/averaging-mixer.js');
const { createLanguageModel, createTrainer, defineTask, evaluateExamples, useEngine } = core;
const { yieldToEventLoop } = await import('./yield.js');

const seqLen = 4;
const examples = (count: number) => {
  const inputs = Int32Array.from({ length: count * seqLen }, (_, index) => index % 5);
  return { count, seqLen, inputs, labels: inputs };
};
const repeat = defineTask({
  name: 'repeat',
  summary: 'The same tokens again.',
  schema: z.strictObject({}),
  create: () => ({
    vocabSize: 5,
    seqLen,
    labelsPerExample: seqLen,
    chance: 1 / 5,
    generate: ({ count }) => examples(count),
    solve: (inputs) => inputs,
    atLength: () => repeat({}),
  }),
}) as TaskFactory;
const model = createLanguageModel({
  vocabSize: 5,
  dModel: 4,
  layers: [{ sequenceMixer: averagingMixer({ dModel: 4 }) }],
});

describe('in a hidden tab', () => {
  beforeAll(() => useEngine());

  it('an evaluation ends', async () => {
    const { total } = await evaluateExamples(model, model.init(1), examples(6), 2);
    expect(total).toBe(24);
  }, 20_000);

  it('a training that lasts longer than it may hold the event loop ends', async () => {
    const trainer = await createTrainer({
      model,
      task: repeat({}),
      seed: 1,
      batchSize: 2,
      examplesPerEpoch: 4,
      epochs: 1,
      freshExamples: true,
      optimizer: { learningRate: 1e-2 },
      validationExamples: 2,
    });
    let clock = 0;
    const slow = vi.spyOn(performance, 'now').mockImplementation(() => (clock += 200));
    const { validationLoss } = await trainer.runEpoch();
    slow.mockRestore();
    expect(validationLoss).toBeGreaterThan(0);
  }, 20_000);
});

describe('yieldToEventLoop', () => {
  it.each([
    ['Node', () => {}],
    ['a browser', () => vi.stubGlobal('setImmediate', undefined)],
  ])('lets a timer through that is due, in %s', async (_, stub) => {
    stub();
    let fired = false;
    setTimeout(() => {
      fired = true;
    }, 0);
    const until = performance.now() + 20;
    while (performance.now() < until);
    for (let turn = 0; turn < 5 && !fired; turn += 1) await yieldToEventLoop();
    expect(fired).toBe(true);
  });
});
