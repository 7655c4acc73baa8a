/** What block attention takes and gives. */
import type { tf } from '@mixerzoo/core';

/** q, k, v [G, L, p], retrieved int32 [G, L, K]. */
export type Inputs = { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D; retrieved: tf.Tensor3D | undefined };
export type Attrs = { blockSize: number; unit: number; scale: number };
/** o [G, L, p] */
export type Outputs = { o: tf.Tensor3D };
