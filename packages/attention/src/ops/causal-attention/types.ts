/** What causal attention takes and gives. */
import type { tf } from '@mixerzoo/core';

/** q [B, M, H p], k [B, L, H p], v [B, L, H r], ALiBi slopes [H]. */
export type Inputs = { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D; slopes: tf.Tensor1D | undefined };
/** `window` 0 is no window. */
export type Attrs = { nHeads: number; scale: number; window: number; dropoutRate: number; dropoutSeed: number };
/** o [B, M, H r], logSumExp [B, H, M]. */
export type Outputs = { o: tf.Tensor3D; logSumExp: tf.Tensor3D };
