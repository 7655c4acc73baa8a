/** Dropout in plain `tf` ops. */
import * as tf from '../../tf.js';
import type { Attrs, Inputs, Outputs } from './types.js';

export function dropoutReference({ x }: Inputs, { rate, seed }: Attrs): Outputs {
  return { y: x.mul(tf.tensor(dropoutMask(x.size, rate, seed), x.shape)) };
}

/** Elements whose 24-bit hash is below it are dropped. */
export function dropoutThreshold(rate: number): number {
  return Math.round(rate * 2 ** 24);
}

/** The factor of every element: 0 or `1 / (1 - rate)`. */
function dropoutMask(size: number, rate: number, seed: number): Float32Array {
  const threshold = dropoutThreshold(rate);
  const scale = 1 / (1 - rate);
  const mask = new Float32Array(size);
  for (let index = 0; index < size; index += 1) {
    if (hash(Math.imul(index, 0x9e3779b9) + seed) >= threshold) mask[index] = scale;
  }
  return mask;
}

/** 24 bits. */
function hash(counter: number): number {
  let bits = counter | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 8;
}
