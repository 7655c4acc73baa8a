/** GLA for recall: two layers of two heads. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'gla-recall',
    summary: 'Two layers of gated linear attention, two heads.',
    layers: [{ mixer: '@mixerzoo/gla#gla', nHeads: 2 }],
    nLayers: 2,
    source: {
      layers:
        'HazyResearch/zoology, experiments/models_repo.py: two heads, no short convolution of its own (there behind BaseConv)',
    },
  }),
];
