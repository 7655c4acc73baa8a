/** Hyena and H3 for recall: two layers. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'hyena-recall',
    summary: 'Two layers of Hyena.',
    layers: [{ mixer: '@mixerzoo/hyena#hyena', init: 'fanIn' }],
    nLayers: 2,
    source: {
      layers: 'HazyResearch/zoology, experiments/paper_configs/iclr24_zoology_figure2',
      'layers.init': "HazyResearch/safari, models/sequence/hyena.py: PyTorch's Linear",
    },
  }),
  recallModel({
    name: 'h3-recall',
    summary: 'Two layers of H3, state 16, heads of eight channels.',
    layers: [{ mixer: '@mixerzoo/hyena#h3', dState: 16, headDim: 8, init: 'fanIn' }],
    nLayers: 2,
    source: {
      layers: 'HazyResearch/zoology, experiments/models_repo.py: state d / 4',
      'layers.headDim': 'arXiv 2212.14052, its language models (HazyResearch/zoology: two)',
      'layers.init': "HazyResearch/H3, ssm/h3.py: PyTorch's Linear",
    },
  }),
];
