/** What the GELU takes and gives: x and y of one shape. */
import type * as tf from '../../tf.js';

export type Inputs = { x: tf.Tensor };
/** `tanh`: the approximation that GPT-2 and GPT-NeoX trained with. */
export type Attrs = { approximate: boolean };
export type Outputs = { y: tf.Tensor };
