/** What SSD takes and gives. */
import type { tf } from '@mixerzoo/core';
import type { GradientInputs } from '@mixerzoo/core/kernels';

/** x [B, L, H, P], dt [B, L, H], A and D [H], B and C [B, L, G, N], initialState [B, H, P, N]: see `ssd`. */
export type Inputs = {
  x: tf.Tensor4D;
  dt: tf.Tensor3D;
  A: tf.Tensor1D;
  B: tf.Tensor4D;
  C: tf.Tensor4D;
  D: tf.Tensor1D | undefined;
  initialState: tf.Tensor4D | undefined;
};
export type Attrs = { chunkSize: number };
/** y [B, L, H, P]; states [B, ceil(L / chunkSize), H, P, N] after every chunk, the last one being the final state. */
export type Outputs = { y: tf.Tensor4D; states: tf.Tensor5D };
export type Saved = Pick<Outputs, 'states'>;
/** What the gradient takes: no `dStates` where nothing was made of the states. */
export type Backward = GradientInputs<Inputs, Pick<Outputs, 'y'>, Saved> & { dStates?: Outputs['states'] };
