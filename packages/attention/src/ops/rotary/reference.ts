/** Rotary positions in plain `tf` ops. */
import { tf } from '@mixerzoo/core';
import type { Attrs, Inputs, Outputs } from './types.js';

export function rotaryReference({ x, cos, sin }: Inputs, { nHeads, inverse }: Attrs): Outputs {
  const [batch, length, width] = x.shape;
  const headDim = width / nHeads;
  const half = cos.shape[1];
  const heads = x.reshape<tf.Tensor4D>([batch, length, nHeads, headDim]);
  const columns = (start: number, count: number) => heads.slice([0, 0, 0, start], [-1, -1, -1, count]);
  const [first, second] = [columns(0, half), columns(half, half)];
  const c = cos.expandDims(1);
  const s = inverse ? sin.expandDims(1).neg() : sin.expandDims(1);
  const rotated = [first.mul(c).sub(second.mul(s)), second.mul(c).add(first.mul(s))];
  const rest = headDim - 2 * half;
  return { y: tf.concat(rest > 0 ? [...rotated, columns(2 * half, rest)] : rotated, -1).reshape(x.shape) };
}
