/** The weights of values in sums of them, for `read` of mixers: found by giving unit values to what sums them. */
import * as tf from '../tf.js';
import { splitHeads } from './heads.js';

/**
 * What each output of a map takes of the values of each token. The map is linear in its values, head by head, the same for all columns
 * of a head. It is asked for as many tokens at a time as a head has columns.
 * @param sum - values [B, L, H p] -> sums [B, L, H p].
 * @returns [B, H, L, L], outputs by tokens.
 */
export function weightsOfValues(
  [batch, length, nHeads, headDim]: readonly [batch: number, length: number, nHeads: number, headDim: number],
  sum: (values: tf.Tensor3D) => tf.Tensor3D,
): tf.Tensor4D {
  return tf.tidy(() => {
    const parts = Array.from({ length: Math.ceil(length / headDim) }, (_, part) => {
      const units = new Float32Array(length * nHeads * headDim);
      for (let column = 0; column < headDim && part * headDim + column < length; column += 1) {
        const token = part * headDim + column;
        for (let head = 0; head < nHeads; head += 1) units[(token * nHeads + head) * headDim + column] = 1;
      }
      const values = tf.tile(tf.tensor3d(units, [1, length, nHeads * headDim]), [batch, 1, 1]);
      return splitHeads(sum(values), nHeads);
    });
    return tf.slice(tf.concat(parts, -1), [0, 0, 0, 0], [-1, -1, -1, length]) as tf.Tensor4D;
  });
}
