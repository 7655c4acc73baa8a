/**
 * State-space duality in plain `tf` ops, chunkwise: inside a chunk a masked quadratic form, between chunks the state.
 *
 * Exponents are sums of the log decays from j to i, never differences of running sums: none is positive, and a saturated
 * gate costs other tokens no precision, in the values as in the gradients.
 *
 * Source: Dao and Gu (arXiv 2405.21060), listing 1; `ssd_minimal_discrete` and `ssd_chunk_scan_combined_ref` of
 * state-spaces/mamba, which want a length that is a multiple of the chunk: here the last chunk is filled with tokens
 * of dt = 0, which change no state.
 */
import { tf } from '@mixerzoo/core';
import { slicesOf } from '../scan/chunk.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** y [B, L, H, P] and the states after every chunk [B, ceil(L / chunkSize), H, P, N]. */
export function ssdReference({ x, dt, A, B, C, D, initialState }: Inputs, attrs: Attrs): Outputs {
  const [batch, length, nHeads, headDim] = x.shape;
  const [, , nGroups, dState] = B.shape;
  const size = Math.min(attrs.chunkSize, length);
  const chunks = Math.ceil(length / size);
  const rows = batch * chunks;
  const perGroup = nHeads / nGroups;
  /** [B, L, K, M] -> [B chunks, K, size, M] */
  const chunked = (tensor: tf.Tensor4D, [K, M]: [number, number]) =>
    tf
      .pad(tensor, [
        [0, 0],
        [0, chunks * size - length],
        [0, 0],
        [0, 0],
      ])
      .reshape([rows, size, K, M])
      .transpose([0, 2, 1, 3]);
  /** [B chunks, G, size, N] -> [B chunks H, size, N] */
  const perHead = (tensor: tf.Tensor) =>
    tensor
      .expandDims(2)
      .mul(tf.ones([perGroup, 1, 1]))
      .reshape<tf.Tensor3D>([rows * nHeads, size, dState]);

  const xs = chunked(x, [nHeads, headDim]);
  const steps = chunked(dt.expandDims(3), [nHeads, 1]); // [B chunks, H, size, 1]
  const [inputs, readers] = [chunked(B, [nGroups, dState]), chunked(C, [nGroups, dState])];

  const upper = tf.linalg.bandPart(tf.ones([size, size]), 0, -1); // 1 where j (row) <= i (column)
  const logDecay = steps.mul(A.reshape([nHeads, 1, 1])).reshape<tf.Tensor4D>([rows, nHeads, 1, size]);
  const column = (row: tf.Tensor) => row.reshape([rows, nHeads, size, 1]);
  const fromStart = tf.cumsum(logDecay, 3); // of the tokens up to and with i
  const toEnd = tf.cumsum(logDecay, 3, true, true); // of the tokens after i
  const between = tf.cumsum(logDecay.mul(tf.sub(1, upper.transpose())), 3); // of the tokens after j up to and with i

  const decay = tf.exp(between).mul(upper); // [B chunks, H, j, i]
  const scores = tf.matMul(inputs, readers, false, true).reshape([rows, nGroups, 1, size, size]);
  const weights = decay
    .mul(steps)
    .reshape([rows, nGroups, perGroup, size, size])
    .mul(scores)
    .reshape<tf.Tensor3D>([rows * nHeads, size, size]);
  const inside = tf.matMul(weights, xs.reshape<tf.Tensor3D>([rows * nHeads, size, headDim]), true);

  const weighted = xs.mul(steps).mul(tf.exp(column(toEnd)));
  const additions = tf.matMul(weighted.reshape<tf.Tensor3D>([rows * nHeads, size, headDim]), perHead(inputs), true);
  const perChunk = slicesOf(additions.reshape([batch, chunks, nHeads, headDim, dState]));
  const chunkDecay = slicesOf(tf.exp(logDecay.sum(3)).reshape([batch, chunks, nHeads, 1, 1]));
  const states = [initialState ?? tf.zeros([batch, nHeads, headDim, dState])];
  for (const [chunk, addition] of perChunk.entries()) {
    states.push((states[chunk] as tf.Tensor).mul(chunkDecay[chunk] as tf.Tensor).add(addition));
  }
  const before = tf.stack(states.slice(0, -1), 1).reshape<tf.Tensor3D>([rows * nHeads, headDim, dState]);
  const carried = tf
    .matMul(perHead(readers), before, false, true)
    .mul(tf.exp(fromStart).reshape([rows * nHeads, size, 1]));

  const joined = inside
    .add(carried)
    .reshape([rows, nHeads, size, headDim])
    .transpose([0, 2, 1, 3])
    .reshape<tf.Tensor4D>([batch, chunks * size, nHeads, headDim])
    .slice([0, 0, 0, 0], [-1, length, -1, -1]);
  const y = D ? joined.add<tf.Tensor4D>(x.mul(D.reshape([nHeads, 1]))) : joined;
  return { y, states: tf.stack(states.slice(1), 1) as tf.Tensor5D };
}
