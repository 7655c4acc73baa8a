/** What the selective scan takes and gives, and its backward pass. Shapes of the inputs: see `selectiveScan`. */
import type { tf } from '@mixerzoo/core';

export type SelectiveScanInputs = {
  readonly u: tf.Tensor;
  readonly delta: tf.Tensor;
  readonly A: tf.Tensor;
  readonly B: tf.Tensor;
  readonly C: tf.Tensor;
  readonly D: tf.Tensor | undefined;
  readonly z: tf.Tensor | undefined;
  readonly deltaBias: tf.Tensor | undefined;
  readonly initialState: tf.Tensor | undefined;
};

export type SelectiveScanAttrs = { readonly deltaSoftplus: boolean };

/** y [B, L, D]; states [B, ceil(L / 32), D, N] after every chunk, the last one being the final state. */
export type SelectiveScanOutputs = { readonly y: tf.Tensor; readonly states: tf.Tensor };

export type SelectiveScanGradientInputs = SelectiveScanInputs & {
  readonly states: tf.Tensor;
  readonly dy: tf.Tensor;
  readonly dStates: tf.Tensor;
};

/** A gradient for every input, [0] for those that are absent. */
export type SelectiveScanGradients = { readonly [N in keyof SelectiveScanInputs]-?: tf.Tensor };
