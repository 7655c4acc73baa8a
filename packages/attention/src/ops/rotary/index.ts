/**
 * Rotary positions (Su et al. 2021) in the NeoX layout: of every head's columns the first 2 n are rotated, column i
 * with column i + n by the angle of the position and of frequency i; the rest passes.
 *
 *   y_i = x_i cos - x_{i+n} sin,   y_{i+n} = x_{i+n} cos + x_i sin.   The gradient is the inverse rotation.
 */
import { defineOp, formatShape, type Op, ShapeError, tf } from '@mixerzoo/core';
import { rotateKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

type Inputs = { x: tf.Tensor; cos: tf.Tensor; sin: tf.Tensor };
type Attrs = { nHeads: number; inverse: boolean };

/** The op behind {@link rotary}. The tables get no gradient. */
export const rotaryOp: Op<Inputs, Attrs, { y: tf.Tensor }> = defineOp({
  name: 'Rotary',
  inputs: ['x', 'cos', 'sin'],
  outputs: ['y'],
  kernels: { wasm: rotateKernel, webgpu: webgpu.rotateKernel },
  reference({ x, cos, sin }, { nHeads, inverse }) {
    const [batch, length, width] = x.shape as [number, number, number];
    const headDim = width / nHeads;
    const half = cos.shape[1] as number;
    const heads = x.reshape([batch, length, nHeads, headDim]);
    const [first, second, rest] = tf.split(heads, [half, half, headDim - 2 * half], -1) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const c = cos.expandDims(1);
    const s = inverse ? sin.expandDims(1).neg() : sin.expandDims(1);
    const rotated = [first.mul(c).sub(second.mul(s)), second.mul(c).add(first.mul(s))];
    return { y: tf.concat(headDim > 2 * half ? [...rotated, rest] : rotated, -1).reshape(x.shape) };
  },
  gradient: ({ inputs: { cos, sin }, grads, attrs }) => ({
    x: rotaryOp({ x: grads.y, cos, sin }, { ...attrs, inverse: !attrs.inverse }).y,
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
  return rotaryOp({ x, cos, sin }, { nHeads, inverse: false }).y as tf.Tensor3D;
}
