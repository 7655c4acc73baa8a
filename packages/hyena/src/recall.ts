/** Hyena and H3 for recall: two layers. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'hyena-recall',
    summary: 'Two layers of Hyena.',
    layers: [{ mixer: '@mixerzoo/hyena#hyena' }],
    nLayers: 2,
    source: {
      layers: 'HazyResearch/zoology, experiments/paper_configs/iclr24_zoology_figure2',
    },
  }),
  recallModel({
    name: 'h3-recall',
    summary: 'Two layers of H3, state 16, heads of two channels.',
    layers: [{ mixer: '@mixerzoo/hyena#h3', dState: 16, headDim: 2 }],
    nLayers: 2,
    source: {
      layers: 'HazyResearch/zoology, experiments/models_repo.py: state d / 4, heads of two channels',
    },
  }),
];
