/**
 * State-space duality in plain `tf` ops, chunkwise: inside a chunk a masked quadratic form, between chunks the state.
 *
 * Exponents are sums of log decays from j to i; what lies above the diagonal is masked before the exponential and
 * every exponent is clamped at 0, so nothing overflows. They are differences of a running sum within the chunk: with
 * a running sum of size s they carry an absolute error of about 6e-8 s (the wasm kernel has none of this).
 *
 * Source: Dao and Gu (arXiv 2405.21060), listing 1; `ssd_minimal_discrete` and `ssd_chunk_scan_combined_ref` of
 * state-spaces/mamba, which want a length that is a multiple of the chunk: here the last chunk is filled with tokens
 * of dt = 0, which change no state.
 */
import { tf } from '@mixerzoo/core';
import { slicesOf } from '../scan/chunk.js';
import type { SsdAttrs, SsdInputs, SsdOutputs } from './types.js';

/** y [B, L, H, P] and the states after every chunk [B, ceil(L / chunkSize), H, P, N]. */
export function ssdReference({ x, dt, A, B, C, D, initialState }: SsdInputs, attrs: SsdAttrs): SsdOutputs {
  const [batch, length, nHeads, headDim] = x.shape as [number, number, number, number];
  const [, , nGroups, dState] = B.shape as [number, number, number, number];
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

  const xs = chunked(x as tf.Tensor4D, [nHeads, headDim]);
  const steps = chunked(dt.expandDims(3) as tf.Tensor4D, [nHeads, 1]); // [B chunks, H, size, 1]
  const [inputs, readers] = [
    chunked(B as tf.Tensor4D, [nGroups, dState]),
    chunked(C as tf.Tensor4D, [nGroups, dState]),
  ];

  const lower = tf.linalg.bandPart(tf.ones([size, size]), -1, 0);
  const logDecay = steps.mul(A.reshape([nHeads, 1, 1]));
  const sums = tf
    .matMul(logDecay.reshape([rows * nHeads, size]), lower as tf.Tensor2D, false, true)
    .reshape([rows, nHeads, size, 1]); // of the tokens up to and with i
  const total = sums.slice([0, 0, size - 1, 0], [-1, -1, 1, -1]);

  const between = sums.sub(sums.transpose([0, 1, 3, 2])); // from j (column) to i (row)
  const masked = between.mul(lower).add(tf.sub(1, lower).mul(-1e30));
  const decay = tf.exp(tf.minimum(masked, 0));
  const scores = tf.matMul(readers, inputs, false, true).reshape([rows, nGroups, 1, size, size]);
  const weights = decay
    .mul(steps.transpose([0, 1, 3, 2]))
    .reshape([rows, nGroups, perGroup, size, size])
    .mul(scores)
    .reshape<tf.Tensor3D>([rows * nHeads, size, size]);
  const inside = tf.matMul(weights, xs.reshape<tf.Tensor3D>([rows * nHeads, size, headDim]));

  const weighted = xs.mul(steps).mul(tf.exp(tf.minimum(total.sub(sums), 0)));
  const additions = tf.matMul(weighted.reshape<tf.Tensor3D>([rows * nHeads, size, headDim]), perHead(inputs), true);
  const perChunk = slicesOf(additions.reshape([batch, chunks, nHeads, headDim, dState]));
  const chunkDecay = slicesOf(tf.exp(tf.minimum(total, 0)).reshape([batch, chunks, nHeads, 1, 1]));
  const states = [initialState ?? tf.zeros([batch, nHeads, headDim, dState])];
  for (const [chunk, addition] of perChunk.entries()) {
    states.push((states[chunk] as tf.Tensor).mul(chunkDecay[chunk] as tf.Tensor).add(addition));
  }
  const before = tf.stack(states.slice(0, -1), 1).reshape<tf.Tensor3D>([rows * nHeads, headDim, dState]);
  const carried = tf
    .matMul(perHead(readers), before, false, true)
    .mul(tf.exp(tf.minimum(sums, 0)).reshape([rows * nHeads, size, 1]));

  const joined = inside
    .add(carried)
    .reshape([rows, nHeads, size, headDim])
    .transpose([0, 2, 1, 3])
    .reshape([batch, chunks * size, nHeads, headDim])
    .slice([0, 0, 0, 0], [-1, length, -1, -1]);
  const y = D ? joined.add(x.mul(D.reshape([nHeads, 1]))) : joined;
  return { y, states: tf.stack(states.slice(1), 1) };
}
