/** States are kept once per chunk of tokens; the backward pass recomputes what lies between. */
import { tf } from '@mixerzoo/core';

/** Tokens per chunk of the selective scan. */
export const CHUNK_SIZE = 32;

/** Of the states after every chunk [B, chunks, ...] the final ones [B, ...]. */
export function lastChunk(states: tf.Tensor4D): tf.Tensor3D;
export function lastChunk(states: tf.Tensor5D): tf.Tensor4D;
export function lastChunk(states: tf.Tensor4D | tf.Tensor5D): tf.Tensor {
  const [batch, chunks, ...rest] = states.shape;
  if (chunks === 1) return states.reshape([batch, ...rest]);
  // Slices of rank 5 are slow on the wasm engine: 100 ms for half a million elements.
  const flat = states.reshape<tf.Tensor3D>([batch, chunks, -1]);
  return tf.slice3d(flat, [0, chunks - 1, 0], [batch, 1, -1]).reshape([batch, ...rest]);
}

/** The slices along axis 1. `tf.unstack` alone has a gradient for two slices or more. */
export function slicesOf(tensor: tf.Tensor): tf.Tensor[] {
  const [batch = 0, count, ...rest] = tensor.shape;
  return count === 1 ? [tensor.reshape([batch, ...rest])] : tf.unstack(tensor, 1);
}
