/** What an op takes and gives. */
import type * as tf from '../tf.js';

/** Inputs or outputs by name; an optional input may be absent. */
export type NamedTensors = { readonly [name: string]: tf.Tensor | undefined };

/** Values that select a variant of the computation. */
export type OpAttrs = { readonly [name: string]: number | string | boolean | readonly number[] | undefined };
