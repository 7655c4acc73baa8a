/**
 * What one layer of CAT needs for selective copying: the paper's setting (16 distinct signal tokens, L = 64) with its
 * filters of 3 taps and the variations that tell why it does or does not learn. See docs/selective-copying.md.
 */
import type { Preset } from '../experiment/experiment.js';

/** Projections start at the scale of their input: at N(0, 0.02) the same budget reaches far less. */
const cat = { mixer: '@mixerzoo/cat#cat', dropout: 0, init: 'fanIn' } as const;
const noPositions = { positions: 'none' } as const;

export const selectiveCopying: Preset = {
  name: 'selective-copying',
  description: 'What does one layer of CAT need to copy the signals out of the noise?',
  task: {
    task: '@mixerzoo/tasks#selectiveCopy',
    seqLen: 64,
    numSignals: 16,
    signalVocabSize: 32,
    noiseVocabSize: 1,
    variant: 'unique',
  },
  model: { dModel: 64, positions: 'learned', dropout: { embedding: 0, residual: 0 } },
  models: {
    'W 3': { layers: [cat] },
    'W 3, no positions': { layers: [cat], model: noPositions },
    'W 3, zoology init': { layers: [{ ...cat, init: 'zoology' }] },
    'W 16': { layers: [{ ...cat, filterWidth: 16 }] },
    'W 3, 2 heads': { layers: [{ ...cat, nHeads: 2 }] },
    'W 3, 4 heads': { layers: [{ ...cat, nHeads: 4 }] },
    'W 3, per channel': { layers: [{ ...cat, filters: 'perChannel' }] },
    'W 3, per channel, 4 heads': { layers: [{ ...cat, filters: 'perChannel', nHeads: 4 }] },
    'W 3, 2 layers': { layers: [cat], nLayers: 2 },
    'No filter, 4 heads': { layers: [{ ...cat, filters: 'none', nHeads: 4 }] },
  },
  train: {
    batchSize: 32,
    epochs: 6,
    stepsPerEpoch: 200,
    decayed: 'all',
    clipNorm: 1,
    stopAt: 0.999,
    validationExamples: 256,
    testExamples: 1000,
  },
  learningRates: [3e-3],
  freeRunning: true,
};
