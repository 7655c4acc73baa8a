/** mLSTM for recall: two layers in the layout of the first paper, which has a short convolution. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'm-lstm-recall',
    summary: 'Two layers of mLSTM with a short convolution, two heads.',
    layers: [{ mixer: '@mixerzoo/xlstm#mLstm', layout: 'block', nHeads: 2 }],
    nLayers: 2,
    source: {
      layers: 'ours: depth and heads as the field gives GLA; the layout is that of arXiv 2405.04517',
    },
  }),
];
