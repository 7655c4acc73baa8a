/** Based for recall, and attention behind the same short convolution: BaseConv shows the second layer the token before. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'based-recall',
    summary: 'BaseConv, then Taylor attention of feature dimension 16.',
    layers: [
      { mixer: '@mixerzoo/based#baseConv', dConv: 3 },
      { mixer: '@mixerzoo/based#based', featureDim: 16 },
    ],
    source: {
      layers:
        'HazyResearch/zoology, experiments/models_repo.py: BaseConv of kernel 3, one head, feature dimension 8, 16 or 24',
    },
  }),
  recallModel({
    name: 'base-conv-attention-recall',
    summary: 'BaseConv, then softmax attention without positions: a hybrid.',
    layers: [
      { mixer: '@mixerzoo/based#baseConv', dConv: 3 },
      { mixer: '@mixerzoo/attention#attention', dropout: 0, init: 'fanIn' },
    ],
    source: {
      layers:
        'HazyResearch/zoology, experiments/models_repo.py: BaseConv of kernel 3, then attention (there of two heads)',
      'layers.init': 'ours, as in attention-recall',
      'layers.dropout': 'ours, see model.dropout',
    },
  }),
];
