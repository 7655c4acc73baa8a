/** Attention for recall: two layers, since one has no way to look at the token before (arXiv 2407.05591, Section 3). */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'attention-recall',
    summary: 'Two layers of softmax attention with learned positions.',
    layers: [{ mixer: '@mixerzoo/attention#attention', dropout: 0, init: 'fanIn' }],
    nLayers: 2,
    model: { positions: 'learned' },
    source: {
      layers: 'HazyResearch/zoology, experiments/paper_configs/iclr24_zoology_figure2: one head',
      nLayers: 'HazyResearch/zoology, experiments/paper_configs/iclr24_zoology_figure2',
      'layers.init': 'ours (zoology: N(0, 0.02))',
      'layers.dropout': 'ours, see model.dropout',
      'model.positions': 'HazyResearch/zoology, experiments/paper_configs/iclr24_zoology_figure2',
    },
  }),
];
