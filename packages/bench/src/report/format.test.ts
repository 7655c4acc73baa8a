import { expect, it } from 'vitest';
import { formatOptions } from './format.js';

it('says what parts are in words, and what else is nested as JSON', () => {
  const norm = { name: 'rmsNorm', from: '@mixerzoo/core', config: { dModel: 8, eps: 1e-5 } };
  expect(formatOptions({ nLayers: 2, norm, channelMixer: 'none', dropout: { embedding: 0 }, left: undefined })).toBe(
    'nLayers 2, norm rmsNorm (dModel 8, eps 0.00001), channelMixer none, dropout {"embedding":0}',
  );
});
