/** `elu(x) + 1` and its gradient in plain `tf` ops. */
import type { GradientInputs, Gradients } from '@mixerzoo/core/kernels';
import type { Inputs, Outputs } from './types.js';

export function elu1Reference({ x }: Inputs): Outputs {
  return { y: x.relu().add(x.minimum(0).exp()) };
}

/** `dY min(y, 1)`: it keeps its relative accuracy where y is small. */
export function elu1GradientReference({ y, dY }: GradientInputs<Inputs, Outputs, Outputs>): Gradients<Inputs> {
  return { x: dY.mul(y.minimum(1)) };
}
