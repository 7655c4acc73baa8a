/** RWKV-7 for recall: two layers; its token shift is a filter of two taps. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'rwkv7-recall',
    summary: 'Two layers of RWKV-7.',
    layers: [{ mixer: '@mixerzoo/rwkv#rwkv7' }],
    nLayers: 2,
    source: {
      layers:
        'HazyResearch/zoology, experiments/models_repo.py: two layers, heads of 64 channels (there behind BaseConv)',
    },
  }),
];
