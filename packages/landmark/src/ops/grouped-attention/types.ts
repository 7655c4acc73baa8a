/** What grouped attention takes and gives. */
import type { tf } from '@mixerzoo/core';

/** q, k, v [G, L, p], landmarks [G, M, p]. */
export type Inputs = { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D; landmarks: tf.Tensor3D | undefined };
/** With the blocks that each query sees, int32 [G, L, K]; -1 for none, after those there are. */
export type ChosenInputs = Inputs & { chosen: tf.Tensor3D };
export type Attrs = { blockSize: number; scale: number };
/** o [G, L, p] */
export type Outputs = { o: tf.Tensor3D };
