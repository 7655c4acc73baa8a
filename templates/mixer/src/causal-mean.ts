/**
 * Causal mean: the smallest sequence mixer there is, and the template for yours.
 *
 *   v = x W_v                        [B, L, d]
 *   y_t = (1 / (t + 1)) sum_{s <= t} v_s W_o
 *
 * Source: none; put the paper and its equation numbers here, and name what you do differently.
 */
import { defineMixer, foldIn, tf } from '@mixerzoo/core';
import { initProjection, linear, type Projection } from '@mixerzoo/core/blocks';
import * as z from 'zod';

const schema = z.strictObject({
  dModel: z.int().positive().describe('model width'),
});

/** Options of {@link causalMean}. */
export type CausalMeanConfig = z.input<typeof schema>;

export type CausalMeanParams = { vProj: Projection; oProj: Projection };

/** `sum` of the values so far, [B, d], and their `count`, [B, 1]. */
export type CausalMeanState = { sum: tf.Tensor2D; count: tf.Tensor2D };

/** Mean of all values up to each token. */
export const causalMean = defineMixer({
  name: 'causalMean',
  summary: 'Mean of all values up to each token: the template for a new mixer.',
  schema,
  create: ({ dModel }) => ({
    init: (seed, nLayers = 1): CausalMeanParams => ({
      // A stream of its own for every parameter: seeds that differ by 1 belong to other models.
      vProj: initProjection([dModel, dModel], foldIn(seed, 'vProj')),
      oProj: initProjection([dModel, dModel], foldIn(seed, 'oProj'), { nLayers }),
    }),

    apply: ({ vProj, oProj }, x) => {
      const [batchSize, seqLen] = x.shape;
      const v = linear(x, vProj); // [B, L, d]
      const mean = tf.matMul(causalAverages(seqLen).expandDims<tf.Tensor3D>(0).tile([batchSize, 1, 1]), v);
      return linear(mean as tf.Tensor3D, oProj);
    },

    initState: (batchSize): CausalMeanState => ({
      sum: tf.zeros([batchSize, dModel]),
      count: tf.zeros([batchSize, 1]),
    }),

    step: ({ vProj, oProj }, x, state: CausalMeanState) => {
      const { y, ...next } = tf.tidy(() => {
        const sum = tf.add(state.sum, linear(x, vProj)) as tf.Tensor2D;
        const count = tf.add(state.count, 1) as tf.Tensor2D;
        return { y: linear(tf.div(sum, count) as tf.Tensor2D, oProj), sum, count };
      });
      tf.dispose(state);
      return { y, state: next };
    },

    stateSize: () => dModel + 1,
    flops: (seqLen) => 4 * seqLen * dModel ** 2 + 2 * seqLen ** 2 * dModel,
  }),
});

/** Row t holds 1 / (t + 1) up to column t, 0 beyond: [L, L]. */
function causalAverages(seqLen: number): tf.Tensor2D {
  const rows = new Float32Array(seqLen * seqLen);
  for (let t = 0; t < seqLen; t += 1) rows.fill(1 / (t + 1), t * seqLen, t * seqLen + t + 1);
  return tf.tensor2d(rows, [seqLen, seqLen]);
}
