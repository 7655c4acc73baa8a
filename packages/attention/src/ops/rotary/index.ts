/**
 * Rotary positions (Su et al. 2021) in the NeoX layout: of every head's columns the first 2 n are rotated, column i
 * with column i + n by the angle of the position and of frequency i; the rest passes.
 *
 *   y_i = x_i cos - x_{i+n} sin,   y_{i+n} = x_{i+n} cos + x_i sin.   The gradient is the inverse rotation.
 */
import { ShapeError, tf } from '@mixerzoo/core';
import { defineOp, formatShape, type Op } from '@mixerzoo/core/kernels';
import { rotaryReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link rotary}. The tables get no gradient. */
export const rotaryOp: Op<Inputs, Attrs, Outputs> = defineOp<Inputs, Attrs, Outputs>({
  name: 'Rotary',
  inputs: ['x', 'cos', 'sin'],
  outputs: ['y'],
  reference: rotaryReference,
  kernels: { wasm: wasm.rotate, webgpu: webgpu.rotate },
  gradient: ({ cos, sin, dY }, attrs) => ({
    x: rotaryOp({ x: dY, cos, sin }, { ...attrs, inverse: !attrs.inverse }).y,
    cos: null,
    sin: null,
  }),
});

/**
 * Rotates queries or keys to their positions.
 *
 * @param x - [B, L, H p]
 * @param tables - cos and sin [L, n], one row per position of x, 2 n <= p: see `rotaryFrequencies`.
 * @returns [B, L, H p]
 * @throws ShapeError
 */
export function rotary(
  x: tf.Tensor3D,
  { cos, sin }: { cos: tf.Tensor2D; sin: tf.Tensor2D },
  nHeads: number,
): tf.Tensor3D {
  const [, length, width] = x.shape;
  const fits =
    cos.shape[0] === length && tf.util.arraysEqual(cos.shape, sin.shape) && 2 * cos.shape[1] * nHeads <= width;
  if (!fits || width % nHeads !== 0) {
    throw new ShapeError(
      `rotary: expected x [B, L, H p] and tables [L, n] with 2 n <= p and H = ${nHeads}, got ${[x, cos, sin].map(({ shape }) => formatShape(shape)).join(', ')}.`,
    );
  }
  return rotaryOp({ x, cos, sin }, { nHeads, inverse: false }).y;
}
