/** GLA for recall: two layers of two heads, short convolutions of four taps on q, k and v. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'gla-recall',
    summary: 'Two layers of gated linear attention with short convolutions, two heads.',
    layers: [
      {
        mixer: '@mixerzoo/gla#gla',
        nHeads: 2,
        filters: 'perChannel',
        filterWidth: 4,
        filterInit: 'uniform',
        filterActivation: 'silu',
      },
    ],
    nLayers: 2,
    source: {
      layers:
        'fla-org/flash-linear-attention, layers/gla.py: use_short_conv, four taps and SiLU (off there; HazyResearch/zoology has BaseConv in front instead)',
      'layers.nHeads': 'HazyResearch/zoology, experiments/models_repo.py',
    },
  }),
];
