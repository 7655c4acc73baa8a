/** The sigmoid-weighted linear unit, `x / (1 + exp(-x))` (Elfwing et al. 2017), also called swish. */
import * as tf from '../../tf.js';
import { defineOp } from '../define-op.js';

/** The op behind {@link silu}. */
export const siluOp = defineOp<{ x: tf.Tensor }, Record<string, never>, { y: tf.Tensor }>({
  name: 'Silu',
  inputs: ['x'],
  outputs: ['y'],
  reference: ({ x }) => ({ y: x.mul(tf.sigmoid(x)) }),
});

/** `x sigmoid(x)`, elementwise. */
export function silu<T extends tf.Tensor>(x: T): T {
  return siluOp({ x }, {}).y as T;
}
