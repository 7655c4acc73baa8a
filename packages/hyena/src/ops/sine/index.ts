/** The sine, as accurate on a GPU as elsewhere: an activation repeated over layers makes errors of 2^-11 show. */
import type { tf } from '@mixerzoo/core';
import { defineOp, type Op } from '@mixerzoo/core/kernels';
import { sineReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link sine}. */
export const sineOp: Op<Inputs, Attrs, Outputs> = defineOp<Inputs, Attrs, Outputs>({
  name: 'Sine',
  inputs: ['x'],
  outputs: ['y'],
  reference: sineReference,
  kernels: { webgpu: webgpu.sine },
  gradient: ({ x, dY }, { quarters }) => ({
    x: dY.mul(sineOp({ x }, { quarters: ((quarters + 1) % 4) as Attrs['quarters'] }).y),
  }),
});

/** sin x, of any shape. */
export function sine<T extends tf.Tensor>(x: T): T {
  return sineOp({ x }, { quarters: 0 }).y as T;
}
