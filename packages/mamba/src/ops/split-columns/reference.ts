/** Splitting columns, and joining them, in plain `tf` ops. */
import { tf } from '@mixerzoo/core';
import type { GradientInputs, Gradients } from '@mixerzoo/core/kernels';
import type { Attrs, Inputs, Outputs } from './types.js';

export function splitReference({ x }: Inputs, { widths }: Attrs): Outputs {
  const [first, second, third] = tf.split(x, [...widths], -1);
  return { first, second, third } as Outputs;
}

export function splitGradientReference({
  dFirst,
  dSecond,
  dThird,
}: GradientInputs<Inputs, Outputs>): Gradients<Inputs> {
  return { x: tf.concat(dThird ? [dFirst, dSecond, dThird] : [dFirst, dSecond], -1) };
}
