/**
 * The feature map of Taylor attention with its symmetric part packed.
 *
 * phi(x) . phi(y) = 1 + s + s^2 / 2 with s = x . y / sqrt(f), the second-order Taylor polynomial of exp(s). The
 * second-order part vec(x x^T) / sqrt(2 f) is symmetric: x_i x_j and x_j x_i are one feature with weight sqrt(2), so
 * f = 8, 16, 24 need 45, 153, 325 features rather than 73, 273, 601. Order: 1; x_0 .. x_{f-1}; the products
 * x_i x_j for i <= j, i major.
 */
import { tf } from '@mixerzoo/core';

/** D_phi = 1 + f + f (f + 1) / 2: the number of packed features. */
export function packedFeatures(featureDim: number): number {
  return 1 + featureDim + (featureDim * (featureDim + 1)) / 2;
}

/**
 * phi of every row.
 *
 * @param x - [..., f]
 * @returns [..., D_phi]
 */
export function taylorFeatures<T extends tf.Tensor>(x: T): T {
  const featureDim = x.shape.at(-1) as number;
  return tf.tidy(() => {
    const { first, second } = pairSelectors(featureDim);
    const rows = x.reshape<tf.Tensor2D>([-1, featureDim]);
    const products = tf.matMul(rows, first).mul(tf.matMul(rows, second));
    return tf
      .concat([tf.ones([rows.shape[0], 1]), rows.mul(featureDim ** -0.25), products], 1)
      .reshape([...x.shape.slice(0, -1), packedFeatures(featureDim)]) as T;
  });
}

/** Matrices [f, f (f + 1) / 2] that pick x_i, with the weight of the pair, and x_j for every pair i <= j. */
function pairSelectors(featureDim: number): { first: tf.Tensor2D; second: tf.Tensor2D } {
  const pairs = (featureDim * (featureDim + 1)) / 2;
  const first = new Float32Array(featureDim * pairs);
  const second = new Float32Array(featureDim * pairs);
  let pair = 0;
  for (let i = 0; i < featureDim; i += 1) {
    for (let j = i; j < featureDim; j += 1) {
      first[i * pairs + pair] = Math.sqrt((i === j ? 0.5 : 1) / featureDim);
      second[j * pairs + pair] = 1;
      pair += 1;
    }
  }
  return { first: tf.tensor2d(first, [featureDim, pairs]), second: tf.tensor2d(second, [featureDim, pairs]) };
}
