/** Retention for recall: two layers, rotated queries and keys, short convolutions of four taps on q, k and v. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'retention-recall',
    summary: 'Two layers of retention with short convolutions, two heads.',
    layers: [
      {
        mixer: '@mixerzoo/retention#retention',
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
        'fla-org/flash-linear-attention, layers/multiscale_retention.py: use_short_conv, four taps and SiLU (off there)',
      'layers.nHeads': 'ours: as the field gives GLA',
    },
  }),
];
