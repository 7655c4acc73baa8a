/** What the short convolution takes and gives. */
import type * as tf from '../../tf.js';

export type FilterShape = 'perHead' | 'perChannel' | 'headMixing';

/** x [B, L, d]; filter by `shape`: `perHead` [H, W], `perChannel` [d, W], `headMixing` [W, H, H]; bias [d]. */
export type Inputs = { x: tf.Tensor3D; filter: tf.Tensor; bias: tf.Tensor | undefined };
export type Attrs = { shape: FilterShape };
/** y [B, L, d] */
export type Outputs = { y: tf.Tensor3D };

/** One token: x [B, d], cache [B, W - 1, d]. */
export type StepInputs = { x: tf.Tensor2D; cache: tf.Tensor3D; filter: tf.Tensor; bias: tf.Tensor | undefined };
/** y [B, d], and the cache for the next token. */
export type StepOutputs = { y: tf.Tensor2D; next: tf.Tensor3D };
