/**
 * Causal mean, an exponential one: a sequence mixer with an op of its own, and the template for yours.
 *
 *   v   = x W_v                      [B, L, d]
 *   s_t = a o s_{t-1} + v_t          a in (0, 1)^d, learned
 *   y_t = s_t W_o
 *
 * Source: none; put the paper and its equation numbers here, and name what you do differently.
 */
import { defineMixer, foldIn, tf } from '@mixerzoo/core';
import { initProjection, linear, type Projection } from '@mixerzoo/core/blocks';
import * as z from 'zod';
import { decayedSum } from './ops/decayed-sum/index.js';

const schema = z.strictObject({
  dModel: z.int().positive().describe('model width'),
});

/** Options of {@link causalMean}. */
export type CausalMeanConfig = z.input<typeof schema>;

/** a = sigmoid(`decay`). */
export type CausalMeanParams = { vProj: Projection; oProj: Projection; decay: tf.Tensor1D };

/** s_t, [B, d]. */
export type CausalMeanState = { sum: tf.Tensor2D };

/** A sum of all values up to each token that forgets, at a rate per channel. */
export const causalMean = defineMixer({
  name: 'causalMean',
  summary: 'A sum of all values up to each token that forgets: the template for a new mixer with a kernel.',
  schema,
  create: ({ dModel }) => ({
    init: (seed, nLayers = 1): CausalMeanParams => ({
      // A stream of its own for every parameter: seeds that differ by 1 belong to other models.
      vProj: initProjection([dModel, dModel], foldIn(seed, 'vProj')),
      oProj: initProjection([dModel, dModel], foldIn(seed, 'oProj'), { nLayers }),
      decay: tf.linspace(0, 4, dModel), // half-lives of 1 to 38 tokens
    }),

    apply: ({ vProj, oProj, decay }, x) => linear(decayedSum(linear(x, vProj), tf.sigmoid(decay)), oProj),

    initState: (batchSize): CausalMeanState => ({ sum: tf.zeros([batchSize, dModel]) }),

    step: ({ vProj, oProj, decay }, x, state: CausalMeanState) => {
      const { y, sum } = tf.tidy(() => {
        const sum = tf.add<tf.Tensor2D>(tf.mul(state.sum, tf.sigmoid(decay)), linear(x, vProj));
        return { y: linear(sum, oProj), sum };
      });
      tf.dispose(state);
      return { y, state: { sum } };
    },

    stateSize: () => dModel,
    flops: (seqLen) => 4 * seqLen * dModel ** 2 + 2 * seqLen * dModel,

    // Weight decay would pull rates to a half, whatever the data say.
    noDecay: ['decay'],
  }),
});
