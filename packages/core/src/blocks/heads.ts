/** Heads own contiguous columns: their width, and the way between rows of all heads and a tensor per head. */
import { dims } from '../dims.js';
import { InvalidConfigError } from '../errors.js';
import type * as tf from '../tf.js';

/**
 * Width p of a head.
 * @param what - the width's name, for the message.
 * @throws InvalidConfigError if the heads do not divide the width.
 */
export function headDimOf(width: number, nHeads: number, what = 'dModel'): number {
  if (width % nHeads !== 0) {
    throw new InvalidConfigError(`nHeads: expected a divisor of ${what} ${width}, got ${nHeads}. Change one of them.`);
  }
  return width / nHeads;
}

/** [B, L, H p] -> [B, H, L, p]. */
export function splitHeads(x: tf.Tensor, nHeads: number): tf.Tensor4D {
  const [batch, length, width] = dims(x, 3);
  return x.reshape([batch, length, nHeads, width / nHeads]).transpose([0, 2, 1, 3]);
}

/** [B, H, L, p] -> [B, L, H p]. */
export function joinHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, nHeads, length, headDim] = x.shape;
  return x.transpose([0, 2, 1, 3]).reshape([batch, length, nHeads * headDim]);
}
