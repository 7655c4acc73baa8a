/**
 * The paper's claim on the whole zoo, within three minutes on two cores; `npm start` runs it. Every model by the recipe of its
 * own package, with the same budget and the same search of its learning rate. The task is small enough for each family that the
 * paper shows learning to learn it, so that what tells them apart is what they keep at lengths never trained on.
 */
import { recallRecipe } from '@mixerzoo/core';
import type { Preset } from '../experiment/experiment.js';

export const quick: Preset = {
  name: 'quick',
  description:
    'Who recalls what it has read, at lengths it was never trained on? A filter before the mixer is what makes recall easy to learn: CAT has it within its one layer, Mamba and GLA within their two, Based and the hybrid as a layer of BaseConv. With attention behind the filter recall keeps at longer lengths; a state of fixed size, or two layers of attention without a filter, learn and then fall',
  task: { task: '@mixerzoo/tasks#mqar', vocabSize: 64, seqLen: 16, numKvPairs: 2 },
  model: { ...recallRecipe.model, dModel: 64 },
  models: {
    'CAT, 1 layer': { extends: '@mixerzoo/cat#cat-recall' },
    'BaseConv + attention': { extends: '@mixerzoo/based#base-conv-attention-recall' },
    'LinCAT, 1 layer': { extends: '@mixerzoo/cat#lin-cat-recall' },
    'Landmark CAT, 1 layer': { extends: '@mixerzoo/landmark#landmark-cat-recall' },
    'Based, 2 layers': { extends: '@mixerzoo/based#based-recall' },
    'Mamba, 2 layers': { extends: '@mixerzoo/mamba#mamba-recall' },
    'GLA, 2 layers': { extends: '@mixerzoo/gla#gla-recall' },
    'Attention, 2 layers': { extends: '@mixerzoo/attention#attention-recall' },
    'Attention, 1 layer': { extends: '@mixerzoo/attention#attention-recall', nLayers: 1 },
  },
  train: {
    ...recallRecipe.train,
    batchSize: 64,
    epochs: 16,
    stepsPerEpoch: 50,
    validationExamples: 256,
    testExamples: 512,
  },
  testLengths: [16, 32, 64, 128],
  learningRates: [...recallRecipe.learningRates],
  search: { rungs: [4, 8], keep: 0.5 },
};
