/** What the selective scan takes and gives. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs } from '@mixerzoo/core/kernels';

/** u, delta, z [B, L, D], A [D, N], B, C [B, L, N], D and deltaBias [D], initialState [B, D, N]: see `selectiveScan`. */
export type Inputs = {
  u: tf.Tensor3D;
  delta: tf.Tensor3D;
  A: tf.Tensor2D;
  B: tf.Tensor3D;
  C: tf.Tensor3D;
  D: tf.Tensor1D | undefined;
  z: tf.Tensor3D | undefined;
  deltaBias: tf.Tensor1D | undefined;
  initialState: tf.Tensor3D | undefined;
};
export type Attrs = { deltaSoftplus: boolean };
/** y [B, L, D]; states [B, ceil(L / 32), D, N] after every chunk, the last one being the final state. */
export type Outputs = { y: tf.Tensor3D; states: tf.Tensor4D };
export type Saved = Pick<Outputs, 'states'>;
/** What the gradient takes: no `dStates` where nothing was made of the states. */
export type Backward = GradientInputs<Inputs, Pick<Outputs, 'y'>, Saved> & { dStates?: Outputs['states'] };
