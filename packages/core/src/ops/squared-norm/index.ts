/** The sum of squares of a tensor: what the global norm of the gradients is made of. */
import type * as tf from '../../tf.js';
import { defineOp } from '../define-op.js';
import { squaredNormKernel } from './wasm.js';

/** The op behind {@link squaredNorm}. */
export const squaredNormOp = defineOp<{ x: tf.Tensor }, Record<string, never>, { y: tf.Tensor }>({
  name: 'SquaredNorm',
  inputs: ['x'],
  outputs: ['y'],
  reference: ({ x }) => ({ y: x.square().sum() }),
  kernels: { wasm: squaredNormKernel },
});

/** x: any shape -> scalar. NaN or infinite if an element is, or if the sum exceeds float32. */
export function squaredNorm(x: tf.Tensor): tf.Scalar {
  return squaredNormOp({ x }, {}).y as tf.Scalar;
}
