/**
 * Dropout with a counter-based generator: element i is kept or not by a hash of (seed, i), so the mask needs no
 * state, is the same on every engine, and its gradient hashes again instead of storing it.
 *
 * The hash is the 32-bit finaliser `lowbias32` (C. Wellons, hash-prospector) of `i * 0x9e3779b9 + seed`.
 */
import { InvalidConfigError } from '../../errors.js';
import { assertSeed } from '../../rng.js';
import * as tf from '../../tf.js';
import { defineOp, type Op } from '../define-op.js';
import { type Attrs, dropoutKernel, dropoutThreshold } from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link dropout}; its gradient is itself. */
export const dropoutOp: Op<{ x: tf.Tensor }, Attrs, { y: tf.Tensor }> = defineOp<
  { x: tf.Tensor },
  Attrs,
  { y: tf.Tensor }
>({
  name: 'Dropout',
  inputs: ['x'],
  outputs: ['y'],
  reference: ({ x }, { rate, seed }) => ({ y: x.mul(tf.tensor(dropoutMask(x.size, rate, seed), x.shape)) }),
  gradient: ({ grads, attrs }) => ({ x: dropoutOp({ x: grads.y }, attrs).y }),
  kernels: { wasm: dropoutKernel, webgpu: webgpu.dropoutKernel },
});

/**
 * Zeroes elements with probability `rate` and divides the rest by `1 - rate`.
 *
 * @param rate - in [0, 1).
 * @param seed - 32-bit; a new one for every call of a step.
 * @throws InvalidConfigError
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, seed: number): T {
  if (!(rate >= 0 && rate < 1)) {
    throw new InvalidConfigError(`dropout: expected a rate in [0, 1), got ${rate}.`);
  }
  assertSeed('dropout', seed);
  return rate === 0 ? x : (dropoutOp({ x }, { rate, seed: seed | 0 }).y as T);
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
