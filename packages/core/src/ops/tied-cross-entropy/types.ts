/** What the cross-entropy of a tied head takes and gives. */
import type * as tf from '../../tf.js';

/** hidden [n, d], table [V, d], labels int32 [n]. */
export type Inputs = { hidden: tf.Tensor2D; table: tf.Tensor2D; labels: tf.Tensor1D };
export type Attrs = {
  /** Whether the gradients are wanted too; without, `dHidden` and `dTable` are empty. */
  gradients: boolean;
};
/** loss [], correct [n]. */
export type Outputs = { loss: tf.Scalar; correct: tf.Tensor1D };
export type Saved = { dHidden: tf.Tensor; dTable: tf.Tensor };
