/** Causal attention and its gradient in plain `tf` ops, from the whole map [B, H, M, L]. */
import { tf } from '@mixerzoo/core';
import { dropout, joinHeads, splitHeads } from '@mixerzoo/core/blocks';
import type { GradientInputs, Gradients } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

export function attendReference(inputs: Inputs, attrs: Attrs): Outputs {
  const { nHeads, dropoutRate, dropoutSeed } = attrs;
  const logits = maskedLogits(inputs, attrs);
  const largest = logits.max(-1, true);
  const weights = logits.sub(largest).exp();
  const total = weights.sum(-1, true);
  const probabilities = dropout(weights.div<tf.Tensor4D>(total), dropoutRate, dropoutSeed);
  return {
    o: joinHeads(tf.matMul(probabilities, splitHeads(inputs.v, nHeads))),
    logSumExp: total.log().add(largest).squeeze([-1]),
  };
}

/** From the log-sum-exp, as the kernels do. */
export function attendGradientReference(
  inputs: GradientInputs<Inputs, Outputs, Outputs>,
  attrs: Attrs,
): Gradients<Inputs> {
  const { nHeads, scale, dropoutRate, dropoutSeed } = attrs;
  const heads = (x: tf.Tensor3D) => splitHeads(x, nHeads);
  const [q, k, v] = [heads(inputs.q), heads(inputs.k), heads(inputs.v)];
  const [o, dO] = [heads(inputs.o), heads(inputs.dO)];
  const probabilities = maskedLogits(inputs, attrs).sub<tf.Tensor4D>(inputs.logSumExp.expandDims(-1)).exp();
  const kept = dropout(probabilities, dropoutRate, dropoutSeed);
  const dKept = tf.matMul(dO, v, false, true);
  const dProbabilities = dropout(dKept, dropoutRate, dropoutSeed);
  const rowTerm = dO.mul(o).sum(-1, true).sub(inputs.dLogSumExp.expandDims(-1));
  const dLogits = probabilities.mul(dProbabilities.sub(rowTerm)).mul<tf.Tensor4D>(scale);
  return {
    q: joinHeads(tf.matMul(dLogits, k)),
    k: joinHeads(tf.matMul(dLogits, q, true, false)),
    v: joinHeads(tf.matMul(kept, dO, true, false)),
    slopes: null,
  };
}

/** S with -Infinity where a query must not look, [B, H, M, L]. */
function maskedLogits(
  { q, k, slopes }: Pick<Inputs, 'q' | 'k' | 'slopes'>,
  { nHeads, scale, window }: Attrs,
): tf.Tensor4D {
  const [queries, keys] = [q.shape[1], k.shape[1]];
  const mask = new Float32Array(queries * keys);
  const distance = new Float32Array(queries * keys);
  for (let row = 0; row < queries; row += 1) {
    for (let key = 0; key < keys; key += 1) {
      const back = keys - queries + row - key;
      distance[row * keys + key] = back;
      if (back < 0 || (window > 0 && back >= window)) mask[row * keys + key] = -Infinity;
    }
  }
  const logits = tf.matMul(splitHeads(q, nHeads), splitHeads(k, nHeads), false, true).mul(scale);
  const biased = slopes
    ? logits.sub(slopes.reshape([nHeads, 1, 1]).mul(tf.tensor2d(distance, [queries, keys])))
    : logits;
  return biased.add(tf.tensor2d(mask, [queries, keys]));
}
