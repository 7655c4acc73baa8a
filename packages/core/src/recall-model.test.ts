import { describe, expect, it } from 'vitest';
import { recallModel, recallRecipe } from './recall-model.js';

const layers = [{ mixer: 'a' }, { mixer: 'b' }];

describe('recallModel', () => {
  it('has what recipes have in common, and says where that is from', () => {
    const { nLayers, model, train, learningRates, source } = recallModel({
      name: 'x',
      summary: '',
      layers,
      source: { layers: 'ours' },
    });
    expect({ nLayers, model, train, learningRates }).toEqual({ nLayers: 2, ...recallRecipe });
    const settings = ['model', 'train'].flatMap((section) =>
      Object.keys(source ?? {}).filter((path) => path.startsWith(`${section}.`)),
    );
    expect(settings).toEqual(expect.arrayContaining(Object.keys(recallRecipe.train).map((key) => `train.${key}`)));
    expect(source).toMatchObject({ layers: 'ours', learningRates: expect.any(String) });
  });

  it('has its own settings on top, source and all', () => {
    const own = recallModel({
      name: 'x',
      summary: '',
      layers,
      nLayers: 4,
      model: { positions: 'learned' },
      train: { beta2: 0.9 },
      learningRates: [1e-3],
      source: { layers: 'ours', learningRates: 'a table' },
    });
    expect(own).toMatchObject({
      nLayers: 4,
      model: { positions: 'learned', embeddingStd: recallRecipe.model.embeddingStd },
      train: { beta2: 0.9, clipNorm: 1 },
      learningRates: [1e-3],
      source: { layers: 'ours', learningRates: 'a table' },
    });
  });
});
