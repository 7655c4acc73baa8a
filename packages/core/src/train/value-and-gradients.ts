/** The gradient of any scalar over a tree of parameters: what a training loop of one's own begins with. */
import { ShapeError } from '../errors.js';
import * as tf from '../tf.js';
import { formatShape, type Tree, treeTensors, withTensors } from '../tree.js';

/**
 * A scalar and its gradient over every parameter.
 *
 * @param compute - of the parameters it is given; what it makes beside its result is freed.
 * @returns `value`, and `grads`, a tree like `params`: zero for a parameter that has no part in the value; for a tied one the sum
 *   over all its uses, at each of its places. The caller owns both.
 * @example
 * const { value, grads } = valueAndGradients((p) => model.loss(p, batch, { training: true, seed: step }).loss, params);
 * @throws ShapeError for a result that is no scalar, or depends on no parameter, and for `params` that are no tree.
 */
export function valueAndGradients<P extends Tree>(
  compute: (params: P) => tf.Scalar,
  params: P,
): { value: tf.Scalar; grads: P } {
  const { value, grads } = scalarGradients(() => assertScalar(compute(params)), treeTensors(params));
  if (grads.some((grad) => grad)) return { value, grads: withTensors(params, filled(grads, treeTensors(params))) };
  value.dispose();
  throw new ShapeError(
    'valueAndGradients: expected a value that depends on the parameters, got one that depends on none. Compute it from the tree that the function is given, with tf operations alone.',
  );
}

/**
 * A scalar and its gradients; undefined for tensors it does not depend on. All are the caller's. Where `compute` throws, what
 * TensorFlow.js had kept for the way back is freed, which it does not do itself.
 */
export function scalarGradients(
  compute: () => tf.Scalar,
  tensors: readonly tf.Tensor[],
): { value: tf.Scalar; grads: readonly (tf.Tensor | undefined)[] } {
  try {
    const { value, grads } = tf.engine().gradients(compute, [...tensors], undefined, true);
    return { value, grads: grads.map((grad) => grad ?? undefined) };
  } catch (error) {
    const { state } = tf.engine();
    if (state.gradientDepth === 0) for (const { saved } of state.activeTape ?? []) tf.dispose(saved ?? []);
    throw error;
  }
}

/** Zeros in place of gradients that are not there. */
export function filled(grads: readonly (tf.Tensor | undefined)[], tensors: readonly tf.Tensor[]): tf.Tensor[] {
  return tensors.map((tensor, index) => grads[index] ?? tf.zerosLike(tensor));
}

function assertScalar(value: unknown): tf.Scalar {
  if (value instanceof tf.Tensor && value.rank === 0 && value.dtype === 'float32') return value as tf.Scalar;
  const received =
    value instanceof tf.Tensor
      ? `${value.dtype} ${formatShape(value.shape)}`
      : value instanceof Promise
        ? 'a promise'
        : typeof value;
  throw new ShapeError(
    `valueAndGradients: expected a float32 scalar, got ${received}. Reduce it with tf.mean or tf.sum; read it after the gradients are there.`,
  );
}
