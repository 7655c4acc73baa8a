import { describe, expect, it } from 'vitest';
import { describeBudget } from './describe-experiment.js';
import { experimentSchema } from './experiment.js';

const experiment = (train: object, rest: object = {}) =>
  experimentSchema.parse({ task: { task: 'mqar' }, models: { A: { layers: ['cat'] } }, train, ...rest });

describe('describeBudget', () => {
  it('says what every model gets', () => {
    expect(describeBudget(experiment({ epochs: 4, stepsPerEpoch: 25, batchSize: 32 }))).toBe(
      'Budget of every model: 100 steps of 32 fresh examples, AdamW with weight decay 0.1, learning rate 0.01 falling to 0 by a cosine.',
    );
  });

  it('says when training may end early, and what varies', () => {
    const settings = {
      epochs: 2,
      stepsPerEpoch: 5,
      batchSize: 4,
      freshExamples: false,
      schedule: 'constant',
      stopAt: 0.99,
      clipNorm: 1,
    };
    expect(describeBudget(experiment(settings, { learningRates: [1e-3, 1e-2], seeds: [0, 1, 2] }))).toBe(
      'Budget of every model: at most 10 steps of 4 out of 20 examples, AdamW with weight decay 0.1, ' +
        'learning rate 0.001 and 0.01, gradients clipped to norm 1, 3 seeds, ended at 99 % on validation.',
    );
  });
});
