/** The delta rules for recall: two layers, two heads, short convolutions of four taps on q, k and v. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'delta-net-recall',
    summary: 'Two layers of DeltaNet, two heads.',
    layers: [{ mixer: '@mixerzoo/delta#deltaNet', nHeads: 2 }],
    nLayers: 2,
    source: {
      layers:
        'HazyResearch/zoology, experiments/models_repo.py: two layers, two heads, a short convolution of four taps (there behind BaseConv as well)',
    },
  }),
  recallModel({
    name: 'gated-delta-net-recall',
    summary: 'Two layers of Gated DeltaNet, two heads.',
    layers: [{ mixer: '@mixerzoo/delta#gatedDeltaNet', nHeads: 2 }],
    nLayers: 2,
    source: {
      layers:
        'HazyResearch/zoology, experiments/models_repo.py: two layers, two heads, a short convolution of four taps (there behind BaseConv as well)',
    },
  }),
  recallModel({
    name: 'kimi-delta-attention-recall',
    summary: 'Two layers of Kimi Delta Attention, two heads.',
    layers: [{ mixer: '@mixerzoo/delta#kimiDeltaAttention', nHeads: 2 }],
    nLayers: 2,
    source: {
      layers: 'ours: as the field gives Gated DeltaNet',
    },
  }),
];
