/** Linear attention in plain `tf` ops, chunk by chunk. */
import { tf } from '@mixerzoo/core';
import { joinHeads, splitHeads } from '@mixerzoo/core/blocks';
import type { Attrs, Inputs, Saved } from './types.js';

export function attendReference({ q, k, v }: Inputs, { nHeads, scale, normalize, eps, chunkSize }: Attrs): Saved {
  const length = q.shape[1];
  const queries = splitHeads(q, nHeads).mul<tf.Tensor4D>(scale);
  const [keys, values] = [splitHeads(k, nHeads), splitHeads(v, nHeads)];
  const outputs: tf.Tensor4D[] = [];
  const denominators: tf.Tensor4D[] = [];
  let state: tf.Tensor4D | undefined; // [B, H, p, r]
  let total: tf.Tensor4D | undefined; // [B, H, p, 1]
  for (let start = 0; start < length; start += chunkSize) {
    const size = Math.min(chunkSize, length - start);
    const part = (x: tf.Tensor4D) => tf.slice(x, [0, 0, start, 0], [-1, -1, size, -1]);
    const [qc, kc, vc] = [part(queries), part(keys), part(values)];
    const weights = tf.matMul(qc, kc, false, true).mul<tf.Tensor4D>(tf.linalg.bandPart(tf.ones([size, size]), -1, 0));
    const within = tf.matMul<tf.Tensor4D>(weights, vc);
    outputs.push(state ? within.add(tf.matMul(qc, state)) : within);
    const weightWithin = weights.sum<tf.Tensor4D>(-1, true);
    denominators.push(total ? weightWithin.add(qc.mul(total.transpose([0, 1, 3, 2])).sum(-1, true)) : weightWithin);
    if (start + size < length) {
      const update = tf.matMul<tf.Tensor4D>(kc, vc, true, false);
      const added = kc.sum(2).expandDims<tf.Tensor4D>(-1);
      state = state ? state.add(update) : update;
      total = total ? total.add(added) : added;
    }
  }
  const sums = tf.concat(outputs, 2);
  const denominator = normalize ? tf.concat(denominators, 2).add(eps) : tf.ones([...sums.shape.slice(0, 3), 1]);
  return {
    o: joinHeads(normalize ? sums.div(denominator) : sums),
    denominator: denominator.squeeze([-1]),
  };
}
