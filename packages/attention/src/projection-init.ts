/** How projections start. */
import { randomNormal, randomUniform, type tf } from '@mixerzoo/core';
import { z } from 'zod';

/**
 * Option to spread into a schema. `zoology`: N(0, 0.02), output projections 0.02 / sqrt(2 nLayers), whatever the width.
 * `fanIn`: U(+-1 / sqrt(d)), as PyTorch's Linear does by itself: at d = 64 3.6 times as wide.
 */
export const projectionInitOption = {
  init: z
    .enum(['zoology', 'fanIn'])
    .default('zoology')
    .describe('projections start as N(0, 0.02), or U(+-1 / sqrt(d))'),
};

export type ProjectionInit = z.output<(typeof projectionInitOption)['init']>;

/** A fresh weight [d, d]; `nLayers` is given for output projections. */
export function initProjection(init: ProjectionInit, dModel: number, seed: number, nLayers?: number): tf.Tensor2D {
  if (init === 'fanIn') return randomUniform([dModel, dModel], -(dModel ** -0.5), dModel ** -0.5, seed);
  return randomNormal([dModel, dModel], nLayers === undefined ? 0.02 : 0.02 / Math.sqrt(2 * nLayers), seed);
}
