/** What rotary positions take and give. */
import type { tf } from '@mixerzoo/core';

/** x [B, L, H p], cos and sin [L, n]. */
export type Inputs = { x: tf.Tensor3D; cos: tf.Tensor2D; sin: tf.Tensor2D };
export type Attrs = { nHeads: number; inverse: boolean };
/** y [B, L, H p] */
export type Outputs = { y: tf.Tensor3D };
