/** What the decayed sum takes and gives. */
import type { tf } from '@mixerzoo/core';

/** x [B, L, d], decay [d]. */
export type Inputs = { x: tf.Tensor3D; decay: tf.Tensor1D };
export type Attrs = Record<string, never>;
/** y [B, L, d]. */
export type Outputs = { y: tf.Tensor3D };
