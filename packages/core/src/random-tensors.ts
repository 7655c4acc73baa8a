/** Tensors of seeded random numbers, the same on every engine and machine. */
import { createRng } from './rng.js';
import { isWithoutNumbers } from './shapes.js';
import * as tf from './tf.js';

/** A tensor of N(0, std^2) draws. @throws InvalidConfigError for what is no seed. */
export function randomNormal<R extends tf.Rank>(shape: tf.ShapeMap[R], std: number, seed: number): tf.Tensor<R> {
  const rng = createRng(seed);
  return drawn(shape, () => std * rng.normal());
}

/** A tensor of U[low, high) draws. @throws InvalidConfigError for what is no seed. */
export function randomUniform<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  low: number,
  high: number,
  seed: number,
): tf.Tensor<R> {
  const rng = createRng(seed);
  return drawn(shape, () => low + (high - low) * rng.uniform());
}

function drawn<R extends tf.Rank>(shape: tf.ShapeMap[R], draw: () => number): tf.Tensor<R> {
  if (isWithoutNumbers()) return tf.fill(shape, 0);
  return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, draw), shape);
}
