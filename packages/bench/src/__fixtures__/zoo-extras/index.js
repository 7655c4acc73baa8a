/** A package that brings a part of every kind; plugin-parts.test.ts installs it. */
import { declines, defineExperiment, defineFigure } from '@mixerzoo/bench';
import { defineChannelMixer, defineModel, definePlugin, tf } from '@mixerzoo/core';
import { z } from 'zod';
import { dynamicTanh } from './dynamic-tanh.js';

const gate = defineChannelMixer({
  name: 'gate',
  summary: 'A gain for each channel, squashed.',
  schema: z.strictObject({
    dModel: z.int().positive().describe('model width d'),
    gain: z.number().default(1).describe('what the gains begin at'),
  }),
  create: ({ dModel, gain }) => ({
    init: () => ({ gain: tf.fill([dModel], gain) }),
    apply: (params, x) => tf.tanh(tf.mul(x, params.gain)),
    flops: () => 0,
  }),
});

const sizes = {
  task: { task: '@mixerzoo/tasks#mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 },
  model: { dModel: 8, norm: 'zoo-extras#dynamicTanh', channelMixer: { name: 'zoo-extras#gate', gain: 2 } },
  models: { Attention: { layers: ['@mixerzoo/attention#attention'] } },
  train: { batchSize: 8, epochs: 1, stepsPerEpoch: 2, validationExamples: 8, testExamples: 8 },
};

const squashed = defineExperiment({ name: 'squashed', description: 'Squashed, not normed', ...sizes });

/** A study: it asks a question of its own. */
const lengths = defineFigure({
  id: 'squashed-lengths',
  title: 'Squashed at lengths never trained on',
  caption: 'Does a model without statistics hold at twice the length?',
  x: 'testLength',
  rows: [
    {
      title: 'MQAR',
      experiment: { id: 'squashed-lengths', at: () => ({ ...sizes, testLengths: [32] }) },
      models: ['Attention'],
    },
  ],
  claims: [declines({ models: ['Attention'] }, 'zoo-extras', 'It falls')],
});

const model = (name, mixer) =>
  defineModel({
    name,
    summary: 'A gate beside it.',
    vocabSize: 32,
    layers: [{ mixer }],
    nLayers: 2,
    model: { dModel: 8, channelMixer: 'zoo-extras#gate' },
  });

/** A recipe: width and vocabulary are the experiment's. */
const tuned = defineModel({
  name: 'tuned',
  summary: 'A gate beside it.',
  layers: [{ mixer: '@mixerzoo/attention#attention' }],
  nLayers: 2,
  model: { channelMixer: 'zoo-extras#gate' },
  learningRates: [0.003, 0.01],
  train: { beta2: 0.95 },
  source: { learningRates: 'its table', 'train.beta2': 'its text' },
});

export const plugin = definePlugin({
  models: [model('gated', '@mixerzoo/attention#attention'), model('far', 'not-installed#mixer'), tuned],
  channelMixers: [gate],
  norms: [dynamicTanh],
  presets: [squashed],
  figures: [lengths],
});
