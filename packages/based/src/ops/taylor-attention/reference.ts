/**
 * Taylor attention in plain `tf` ops, in two forms that compute the same: quadratic in L for short sequences, and
 * chunkwise with the packed features, linear in L, for long ones.
 *
 * A column of ones beside the values makes the row sums of A, the normaliser, a by-product of A v.
 */
import { tf } from '@mixerzoo/core';
import { joinHeads, splitHeads } from '@mixerzoo/core/blocks';
import { packedFeatures, taylorFeatures } from './features.js';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Tokens per chunk of the chunkwise form. */
export const CHUNK = 64;

/** Longest sequence for which the quadratic form is the faster one where big matrix products are cheap. */
export const QUADRATIC_LIMIT = 1024;

/**
 * Longest sequence for which the quadratic form needs fewer multiply-adds, at most {@link QUADRATIC_LIMIT}: the L with
 * L / 2 (f + p) = CHUNK / 2 (f + p) + 2 D_phi p. Measured crossings of the wasm kernels lie there.
 */
export function quadraticCrossover(featureDim: number, headDim: number): number {
  const crossing = CHUNK + (4 * packedFeatures(featureDim) * headDim) / (featureDim + headDim);
  return Math.min(QUADRATIC_LIMIT, Math.floor(crossing));
}

/** sum_{s <= t} A[t, s] values[s] for q, k [B, H, L, f], values [B, H, L, m]: [B, H, L, m]. */
export type TaylorSums = (q: tf.Tensor4D, k: tf.Tensor4D, values: tf.Tensor4D) => tf.Tensor4D;

/** The reference form of an op: heads taken apart, the sums by one of the two forms, heads put together. */
export function taylorReference({ q, k, v }: Inputs, { nHeads, eps }: Attrs, form: TaylorSums): Outputs {
  const [batch, length, width] = v.shape;
  const headDim = width / nHeads;
  const values = tf.concat([splitHeads(v, nHeads), tf.ones([batch, nHeads, length, 1])], 3) as tf.Tensor4D;
  const sums = form(splitHeads(q, nHeads), splitHeads(k, nHeads), values);
  const normaliser = sums.slice([0, 0, 0, headDim], [-1, -1, -1, 1]).add<tf.Tensor4D>(eps); // [B, H, L, 1]
  const o = sums.slice([0, 0, 0, 0], [-1, -1, -1, headDim]).div<tf.Tensor4D>(normaliser);
  return { o: joinHeads(o), normaliser: joinHeads(normaliser) };
}

/** The sums by the matrix A [B, H, L, L]. */
export const quadraticSums: TaylorSums = (q, k, values) => {
  const [, , length, featureDim] = q.shape;
  const scores = tf.matMul(q, k, false, true).mul(featureDim ** -0.5); // [B, H, L, L]
  const weights = scores.square().mul(0.5).add(scores).add(1).mul<tf.Tensor4D>(lowerTriangle(length));
  return tf.matMul(weights, values);
};

/** The sums by chunks: inside a chunk quadratic, over earlier chunks through the running sums of phi(k) values^T. */
export const chunkwiseSums: TaylorSums = (q, k, values) => {
  const [batch, nHeads, length, featureDim] = q.shape;
  let state: tf.Tensor = tf.zeros([batch, nHeads, packedFeatures(featureDim), values.shape[3]]);
  const sums: tf.Tensor4D[] = [];
  for (let start = 0; start < length; start += CHUNK) {
    const size = Math.min(CHUNK, length - start);
    const part = (x: tf.Tensor4D) => x.slice([0, 0, start, 0], [-1, -1, size, -1]);
    const [chunkQ, chunkK, chunkValues] = [part(q), part(k), part(values)];
    sums.push(quadraticSums(chunkQ, chunkK, chunkValues).add(tf.matMul(taylorFeatures(chunkQ), state)));
    state = state.add(tf.matMul(taylorFeatures(chunkK), chunkValues, true));
  }
  return tf.concat(sums, 2);
};

function lowerTriangle(size: number): tf.Tensor2D {
  const mask = new Float32Array(size * size);
  for (let row = 0; row < size; row += 1) mask.fill(1, row * size, row * size + row + 1);
  return tf.tensor2d(mask, [size, size]);
}
