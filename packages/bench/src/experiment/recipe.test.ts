import { describe, expect, it } from 'vitest';
import { experiments } from '../figures/experiments.js';
import { experimentAt } from '../figures/figure.js';
import { paperCell } from '../presets/paper-cell.js';
import { selectiveCopying } from '../presets/selective-copying.js';
import { experimentSchema } from './experiment.js';
import { trainingRecipe } from './recipe.js';

const settings = (train: object = {}) =>
  experimentSchema.parse({ task: { task: 'mqar' }, models: { A: { layers: ['cat'] } }, train }).train;

describe('trainingRecipe', () => {
  it('takes every setting of optimizer and schedule from the config', () => {
    const optimizer = { weightDecay: 0.3, decayed: 'all', beta1: 0.8, beta2: 0.95, eps: 1e-6 } as const;
    const train = settings({ ...optimizer, schedule: 'cosinePerEpoch', warmupSteps: 7, minLearningRate: 1e-4 });
    expect(trainingRecipe(train, 0.02)).toEqual({
      optimizer: { learningRate: 0.02, ...optimizer },
      schedule: { name: 'cosinePerEpoch', warmupSteps: 7, minLearningRate: 1e-4 },
    });
  });

  it('is AdamW with its usual settings by default, decaying matrices', () => {
    expect(trainingRecipe(settings(), 0.01)).toEqual({
      optimizer: { learningRate: 0.01, weightDecay: 0.1, decayed: 'matrices', beta1: 0.9, beta2: 0.999, eps: 1e-8 },
      schedule: { name: 'cosine', warmupSteps: 0, minLearningRate: 0 },
    });
  });

  it("decays everything in figures at the paper's scale and in its cells, as its runs did", () => {
    const figures = Object.values(experiments).map((one) => experimentAt(one, 'paper'));
    for (const { name, train } of [paperCell, selectiveCopying, ...figures]) {
      expect(train?.decayed, name).toBe('all');
    }
  });
});
