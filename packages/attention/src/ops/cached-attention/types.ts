/** What attention to a cache takes and gives. */
import type { tf } from '@mixerzoo/core';

/** q [B, H p], k [B, C, G p], v [B, C, G r] with G a divisor of H, ALiBi slopes [H]. */
export type Inputs = { q: tf.Tensor2D; k: tf.Tensor3D; v: tf.Tensor3D; slopes: tf.Tensor1D | undefined };
/** Of the C rows the first `tokens` are there; `window` 0 is no window; `mixesAll`: every head mixes the values of all. */
export type Attrs = { nHeads: number; scale: number; window: number; tokens: number; mixesAll: boolean };
/** o [B, H r]; with `mixesAll` [B, H G r], a head after the other. */
export type Outputs = { o: tf.Tensor2D };
