/** Retention for recall: two layers, rotated queries and keys. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'retention-recall',
    summary: 'Two layers of retention, two heads.',
    layers: [{ mixer: '@mixerzoo/retention#retention', nHeads: 2 }],
    nLayers: 2,
    source: {
      layers: 'ours: heads and depth as the field gives GLA',
    },
  }),
];
