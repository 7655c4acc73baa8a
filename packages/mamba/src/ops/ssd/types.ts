/** What SSD takes and gives, and its backward pass. Shapes of the inputs: see `ssd`. */
import type { tf } from '@mixerzoo/core';

export type SsdInputs = {
  readonly x: tf.Tensor;
  readonly dt: tf.Tensor;
  readonly A: tf.Tensor;
  readonly B: tf.Tensor;
  readonly C: tf.Tensor;
  readonly D: tf.Tensor | undefined;
  readonly initialState: tf.Tensor | undefined;
};

export type SsdAttrs = { readonly chunkSize: number };

/** y [B, L, H, P]; states [B, ceil(L / chunkSize), H, P, N] after every chunk, the last one being the final state. */
export type SsdOutputs = { readonly y: tf.Tensor; readonly states: tf.Tensor };

export type SsdGradientInputs = SsdInputs & {
  readonly states: tf.Tensor;
  readonly dy: tf.Tensor;
  readonly dStates: tf.Tensor;
};

/** A gradient for every input, [0] for those that are absent. */
export type SsdGradients = { readonly [N in keyof SsdInputs]-?: tf.Tensor };
