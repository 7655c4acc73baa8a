/** What affine maps take and give. */
import type * as tf from '../../tf.js';

/** x [..., k], weight [k, n], bias [n]. */
export type Inputs = { x: tf.Tensor; weight: tf.Tensor; bias: tf.Tensor | undefined };
export type Attrs = Record<string, never>;
/** y [..., n] */
export type Outputs = { y: tf.Tensor };

/** Several maps of one x, counted from 0: x [..., k], weight_i [k, n_i], bias_i [n_i]. */
export type SeveralInputs = { x: tf.Tensor } & { [weight: `weight${number}`]: tf.Tensor } & {
  [bias: `bias${number}`]: tf.Tensor | undefined;
};
/** y_i [..., n_i] */
export type SeveralOutputs = { [y: `y${number}`]: tf.Tensor };

/** One map. */
export type AffineMap = { readonly weight: tf.Tensor; readonly bias: tf.Tensor | undefined };

/** The maps among inputs. */
export function mapsOf(inputs: SeveralInputs): AffineMap[] {
  const count = Object.keys(inputs).filter((name) => name.startsWith('weight')).length;
  return Array.from({ length: count }, (_, i) => ({
    weight: inputs[`weight${i}`] as tf.Tensor,
    bias: inputs[`bias${i}`],
  }));
}
