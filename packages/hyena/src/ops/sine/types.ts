/** What the sine takes and gives. */
import type { tf } from '@mixerzoo/core';

/** x of any shape. */
export type Inputs = { x: tf.Tensor };
/** Quarters of a turn that are added: 0 a sine, 1 a cosine, 2 and 3 their negatives. */
export type Attrs = { quarters: 0 | 1 | 2 | 3 };
/** y, of the shape of x. */
export type Outputs = { y: tf.Tensor };
