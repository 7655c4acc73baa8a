/** What an op takes and gives, and what its gradient does. */
import type * as tf from '../tf.js';

/** Inputs or outputs by name; an optional input may be absent, an input may have no gradient: null. */
export type NamedTensors = { readonly [name: string]: tf.Tensor | null | undefined };

/** Values that select a variant of the computation. */
export type OpAttrs = { readonly [name: string]: number | string | boolean | readonly number[] | undefined };

/** What a gradient is computed from: the inputs, what was saved, and of each output `y` the gradient `dY`. */
export type GradientInputs<I, O, S = unknown> = I &
  S & { readonly [N in keyof O & string as `d${Capitalize<N>}`]: O[N] };

/** The gradient of each input, under its name: null says that there is none, undefined goes with an absent input. */
export type Gradients<I> = { readonly [N in keyof I]: I[N] | null };
