/** What linear attention takes and gives. */
import type { tf } from '@mixerzoo/core';

/** q, k [B, L, H p], v [B, L, H r]. */
export type Inputs = { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D };
export type Attrs = { nHeads: number; scale: number; normalize: boolean; eps: number; chunkSize: number };
/** o [B, L, H r] */
export type Outputs = { o: tf.Tensor3D };
/** denominator [B, H, L], ones where not normalised. */
export type Saved = { o: tf.Tensor3D; denominator: tf.Tensor3D };
