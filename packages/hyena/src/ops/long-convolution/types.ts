/** What the long convolution takes and gives. */
import type { tf } from '@mixerzoo/core';

/** x [B, L, d], filter [L, d] by delay. */
export type Inputs = { x: tf.Tensor3D; filter: tf.Tensor2D };
/** How kernels that have both ways do it: sums as they are written, or Fourier transforms. */
export type Attrs = { method: 'direct' | 'fft' };
/** y [B, L, d]. */
export type Outputs = { y: tf.Tensor3D };
