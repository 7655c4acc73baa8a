/** What the log-decay takes and gives: x and y of one shape. */
import type { tf } from '@mixerzoo/core';

export type Inputs = { x: tf.Tensor };
export type Attrs = { normalizer: number };
export type Outputs = { y: tf.Tensor };
