/** A norm without statistics: J. Zhu et al., "Transformers without Normalization", arXiv 2503.10622. */
import { defineNorm, tf } from '@mixerzoo/core';
import { z } from 'zod';

export const dynamicTanh = defineNorm({
  name: 'dynamicTanh',
  summary: 'weight * tanh(alpha x) + bias.',
  schema: z.strictObject({
    dModel: z.int().positive().describe('model width d'),
    alpha: z.number().default(0.5).describe('slope at 0 to begin with'),
  }),
  create: ({ dModel, alpha }) => ({
    init: () => ({ alpha: tf.fill([dModel], alpha), weight: tf.ones([dModel]), bias: tf.zeros([dModel]) }),
    apply: (params, x) => tf.add(tf.mul(tf.tanh(tf.mul(x, params.alpha)), params.weight), params.bias),
  }),
});
