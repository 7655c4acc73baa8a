/** One cell of the paper's Figure 2: MQAR with its vocabulary of 8,192 and 16 pairs at length 64, d = 64. */
import type { Preset } from '../experiment/experiment.js';

export const paperCell: Preset = {
  name: 'paper-cell',
  description: "The paper's MQAR cell: one layer of CAT trained to 99 %",
  task: { task: '@mixerzoo/tasks#mqar', vocabSize: 8192, seqLen: 64, numKvPairs: 16 },
  model: { dModel: 64, positions: 'none', dropout: { embedding: 0, residual: 0 } },
  models: { 'CAT, 1 layer': { layers: [{ mixer: '@mixerzoo/cat#cat', dropout: 0 }] } },
  train: {
    batchSize: 32,
    epochs: 40,
    stepsPerEpoch: 10,
    decayed: 'all',
    schedule: 'constant',
    stopAt: 0.99,
    validationExamples: 256,
    testExamples: 512,
  },
  learningRates: [5e-3],
};
