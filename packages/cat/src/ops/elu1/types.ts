/** What `elu(x) + 1` takes and gives: x and y of one shape. */
import type { tf } from '@mixerzoo/core';

export type Inputs = { x: tf.Tensor };
export type Attrs = Record<string, never>;
export type Outputs = { y: tf.Tensor };
