import { mqar } from '@mixerzoo/tasks';
import { describe, expect, it } from 'vitest';
import { describeBudget, describeExperiment, partsOfDescription } from './describe-experiment.js';
import { experimentSchema } from './experiment.js';

const experiment = (train: object, rest: object = {}) =>
  experimentSchema.parse({ task: { task: 'mqar' }, models: { A: { layers: ['cat'] } }, train, ...rest });

describe('describeBudget', () => {
  it('says what every model gets', () => {
    expect(describeBudget(experiment({ epochs: 4, stepsPerEpoch: 25, batchSize: 32 }))).toBe(
      'Budget of every model: 100 steps of 32 fresh examples, AdamW with weight decay 0.1 of matrices, learning rate 0.01 falling to 0 by a cosine.',
    );
  });

  it('says when training may end early, and what varies', () => {
    const settings = {
      epochs: 2,
      stepsPerEpoch: 5,
      batchSize: 4,
      freshExamples: false,
      schedule: 'constant',
      decayed: 'all',
      stopAt: 0.99,
      clipNorm: 1,
    };
    expect(describeBudget(experiment(settings, { learningRates: [1e-3, 1e-2], seeds: [0, 1, 2] }))).toBe(
      'Budget of every model: at most 10 steps of 4 out of 20 examples, AdamW with weight decay 0.1, ' +
        'learning rate 0.001 and 0.01, gradients clipped to norm 1, 3 seeds, ended at 99 % on validation.',
    );
  });

  it("says what differs from AdamW's usual settings", () => {
    const text = describeBudget(experiment({ beta2: 0.95, eps: 1e-6, minLearningRate: 1e-4, weightDecay: 0 }));
    expect(text).toContain('AdamW with weight decay 0, betas 0.9 and 0.95, eps 0.000001, learning rate 0.01');
    expect(text).toContain('falling to 0.0001 by a cosine');
  });
});

describe('describeExperiment', () => {
  it('says the budget once where it is the same at every length, else at which it is what', () => {
    const whole = experiment({ epochs: 1, stepsPerEpoch: 8 });
    const cell = (seqLen: number, batchSize: number) => ({
      task: mqar({ seqLen }),
      train: { ...whole.train, batchSize },
    });
    const budgets = (text: string) => text.match(/Budget of [^:]*: \d+ steps of \d+/g);
    const same = [cell(64, 32), cell(128, 32)];
    expect(budgets(describeExperiment(whole, same, [64]))).toEqual(['Budget of every model: 8 steps of 32']);
    expect(budgets(describeExperiment(whole, [...same, cell(256, 16)], [64]))).toEqual([
      'Budget of every model at length 64 and 128: 8 steps of 32',
      'Budget of every model at length 256: 8 steps of 16',
    ]);
  });

  it.each([
    ['a question', 'Who recalls? A filter helps', 'Who recalls? A filter helps.'],
    ['nothing', '', ''],
  ])('is of parts, where it asks %s', (_, description, purpose) => {
    const whole = { ...experiment({ epochs: 1, stepsPerEpoch: 8 }), description };
    const text = describeExperiment(whole, [{ task: mqar({ seqLen: 64 }), train: whole.train }], [64]);
    const parts = partsOfDescription(text);
    expect(parts).toEqual({ purpose, setting: expect.stringMatching(/^Task: mqar \(length 64, .* Budget of every/) });
    expect(`${parts.purpose} ${parts.setting}`.trim()).toBe(text);
    expect(partsOfDescription('Words.\nOf a figure')).toEqual({ purpose: 'Words.\nOf a figure', setting: '' });
  });
});
