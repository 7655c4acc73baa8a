/** What Taylor attention takes and gives, in both forms. */
import type { tf } from '@mixerzoo/core';

/** q, k [B, L, H f], v [B, L, H p]. */
export type Inputs = { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D };
export type Attrs = { nHeads: number; eps: number };
/** o [B, L, H p], normaliser [B, L, H]. */
export type Outputs = { o: tf.Tensor3D; normaliser: tf.Tensor3D };
