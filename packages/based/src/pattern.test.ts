import type { MixerFactory } from '@mixerzoo/core';
import { describe, expect, it } from 'vitest';
import { basedLanguageModelLayers, basedTwoLayers, type MixerLayer, plugin } from './index.js';

/** Makes the mixer of an entry, as an experiment does. */
function build({ mixer, ...options }: MixerLayer) {
  const factory = plugin.mixers.find(({ mixerName }) => mixerName === mixer) as MixerFactory;
  return factory({ dModel: 16, ...options });
}

describe('layer patterns', () => {
  it('makes "Based, 2 layers" of BaseConv with three taps and Taylor attention', () => {
    const [first, second] = basedTwoLayers({ featureDim: 16, nHeads: 2 }).map(build);
    expect(first).toMatchObject({ name: 'baseConv', config: { dConv: 3, residual: true } });
    expect(second).toMatchObject({ name: 'based', config: { featureDim: 16, nHeads: 2 } });
  });

  it('adds sliding-window attention for language modelling', () => {
    const layers = basedLanguageModelLayers({ repeats: 2, window: 32 });
    expect(layers.map(({ mixer }) => mixer)).toEqual([
      ...['baseConv', 'based', 'slidingWindow'],
      ...['baseConv', 'based', 'slidingWindow'],
    ]);
    expect(layers[2]).toMatchObject({ window: 32, nHeads: 1 });
    for (const layer of layers.filter(({ mixer }) => mixer !== 'slidingWindow'))
      expect(() => build(layer)).not.toThrow();
  });
});
