/**
 * Dropout with a counter-based generator: element i is kept or not by a hash of (seed, i), so the mask needs no
 * state, is the same on every engine, and its gradient hashes again instead of storing it.
 *
 * The hash is the 32-bit finaliser `lowbias32` (C. Wellons, hash-prospector) of `i * 0x9e3779b9 + seed`.
 */
import { InvalidConfigError } from '../../errors.js';
import { assertSeed } from '../../rng.js';
import type * as tf from '../../tf.js';
import { defineOp, type Op } from '../define-op.js';
import { dropoutReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link dropout}; its gradient is itself. */
export const dropoutOp: Op<Inputs, Attrs, Outputs> = defineOp<Inputs, Attrs, Outputs>({
  name: 'Dropout',
  inputs: ['x'],
  outputs: ['y'],
  reference: dropoutReference,
  kernels: { wasm: wasm.dropout, webgpu: webgpu.dropout },
  gradient: ({ dY }, attrs) => ({ x: dropoutOp({ x: dY }, attrs).y }),
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
