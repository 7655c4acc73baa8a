/** CAT and LinCAT for recall: one layer, filters of three taps. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'cat-recall',
    summary: 'One layer of CAT, filters of three taps.',
    layers: [{ mixer: '@mixerzoo/cat#cat', filterWidth: 3, normalizeQK: true, dropout: 0 }],
    source: {
      layers: 'arXiv 2407.05591, Section 6.1: one layer, W = 3',
      'layers.normalizeQK': 'arXiv 2407.05591, Theorem 1',
      'layers.dropout': 'ours, see model.dropout',
    },
  }),
  recallModel({
    name: 'lin-cat-recall',
    summary: 'One layer of LinCAT, filters of three taps.',
    layers: [{ mixer: '@mixerzoo/cat#linCat', filterWidth: 3 }],
    source: {
      layers: 'arXiv 2407.05591, Section 6.1: one layer, W = 3',
    },
  }),
];
