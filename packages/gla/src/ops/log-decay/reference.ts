/** The log-decay and its gradient in plain `tf` ops. */
import type { GradientInputs, Gradients } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

export function logDecayReference({ x }: Inputs, { normalizer }: Attrs): Outputs {
  return { y: x.neg().softplus().div(-normalizer) };
}

/** By sigmoid(-x), which keeps its relative accuracy for a saturated gate. */
export function logDecayGradientReference(
  { x, dY }: GradientInputs<Inputs, Outputs>,
  { normalizer }: Attrs,
): Gradients<Inputs> {
  return { x: x.neg().sigmoid().mul(dY).div(normalizer) };
}
