/** What the gated scan takes and gives. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs } from '@mixerzoo/core/kernels';

/** q, k, gk [B, L, H K], v [B, L, H V]. */
export type Inputs = { q: tf.Tensor3D; k: tf.Tensor3D; gk: tf.Tensor3D; v: tf.Tensor3D };
export type Attrs = { nHeads: number; scale: number };
/** o [B, L, H V], lastState [B, H, K, V]. */
export type Outputs = { o: tf.Tensor3D; lastState: tf.Tensor4D };
/** states [B, H, ceil(L / CHUNK), K, V]: the state before every chunk. */
export type Saved = { states: tf.Tensor5D };
/** What the scan is differentiated from where nothing was made of its last state. */
export type OutputGradientInputs = GradientInputs<Inputs, Pick<Outputs, 'o'>, Saved>;
