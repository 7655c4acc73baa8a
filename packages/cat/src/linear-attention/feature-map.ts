/** Feature maps of linear attention. */
import { defineOp, tf } from '@mixerzoo/core';

/**
 * `elu(x) + 1` (Katharopoulos et al. 2020) as `max(x, 0) + exp(min(x, 0))`, which keeps its relative accuracy where it is small. Its
 * derivative is `min(elu(x) + 1, 1)`.
 */
export const elu1Op = defineOp<{ x: tf.Tensor }, Record<string, never>, { y: tf.Tensor }>({
  name: 'Elu1',
  inputs: ['x'],
  outputs: ['y'],
  savedOutputs: ['y'],
  reference: ({ x }) => ({ y: tf.relu(x).add(tf.exp(tf.minimum(x, 0))) }),
  gradient: ({ outputs, grads }) => ({ x: grads.y.mul(tf.minimum(outputs.y, 1)) }),
});

export type FeatureMap = 'identity' | 'elu1';

/** x with the feature map applied elementwise. */
export function applyFeatureMap<T extends tf.Tensor>(featureMap: FeatureMap, x: T): T {
  return featureMap === 'identity' ? x : (elu1Op({ x }, {}).y as T);
}
