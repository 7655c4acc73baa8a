/** The recurrent form of a mixer over a whole sequence. */
import type { Mixer } from '../mixer.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';

/**
 * `step` over all tokens of x [B, L, d]: y [B, L, d], and the state after the last, which the caller owns.
 * @param state - before the first token, which is consumed. Default: the empty state.
 */
export function stepThrough<P extends Tree, S extends Tree>(
  mixer: Mixer<P, S>,
  params: P,
  x: tf.Tensor3D,
  state: S = mixer.initState(x.shape[0]),
): { y: tf.Tensor3D; state: S } {
  const outputs: tf.Tensor2D[] = [];
  let current = state;
  for (let t = 0; t < x.shape[1]; t += 1) {
    const token = tf.tidy(() => x.slice([0, t, 0], [-1, 1, -1]).reshape<tf.Tensor2D>([x.shape[0], x.shape[2]]));
    const next = mixer.step(params, token, current);
    token.dispose();
    outputs.push(next.y);
    current = next.state;
  }
  const y = tf.stack(outputs, 1) as tf.Tensor3D;
  tf.dispose(outputs);
  return { y, state: current };
}
