/** Landmark CAT for recall: one layer, trained soft, tested with hard retrieval of the two best blocks of four tokens. */
import { type ModelPreset, recallModel } from '@mixerzoo/core';

export const recallModels: readonly ModelPreset[] = [
  recallModel({
    name: 'landmark-cat-recall',
    summary: 'One layer of Landmark CAT, tested with hard retrieval.',
    layers: [{ mixer: '@mixerzoo/landmark#landmarkCat', blockSize: 4, topK: 2 }],
    source: {
      layers:
        'ours: arXiv 2407.05591, Section 5 trains none; blocks and retrieval as what keeps most of the soft form (docs/landmark.md)',
    },
  }),
];
