/** Landmark CAT for recall: one layer, trained soft, tested with hard retrieval. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'landmark-cat-recall',
    summary: 'One layer of Landmark CAT, tested with hard retrieval.',
    layers: [{ mixer: '@mixerzoo/landmark#landmarkCat' }],
    source: {
      layers: 'ours: arXiv 2407.05591, Section 5 trains none',
    },
  }),
];
