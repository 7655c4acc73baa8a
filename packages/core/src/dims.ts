/** Shapes as TypeScript sees them. */
import { ShapeError } from './errors.js';
import type * as tf from './tf.js';
import { formatShape } from './tree.js';

interface ByRank {
  1: [number];
  2: [number, number];
  3: [number, number, number];
  4: [number, number, number, number];
  5: [number, number, number, number, number];
}

/**
 * The sizes of a tensor whose rank its type does not say.
 *
 * @throws ShapeError if it has another rank.
 */
export function dims<R extends keyof ByRank>({ shape }: Pick<tf.Tensor, 'shape'>, rank: R): ByRank[R] {
  if (shape.length !== rank)
    throw new ShapeError(`dims: expected a tensor of rank ${rank}, got ${formatShape(shape)}.`);
  return shape as never;
}

/** The tensor of a shape, with its rank where the shape's type says it. */
export type TensorOf<S extends readonly number[]> = number[] extends S
  ? tf.Tensor
  : S extends readonly []
    ? tf.Scalar
    : S extends readonly [number]
      ? tf.Tensor1D
      : S extends readonly [number, number]
        ? tf.Tensor2D
        : S extends readonly [number, number, number]
          ? tf.Tensor3D
          : S extends readonly [number, number, number, number]
            ? tf.Tensor4D
            : S extends readonly [number, number, number, number, number]
              ? tf.Tensor5D
              : tf.Tensor;
