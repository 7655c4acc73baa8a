/**
 * Rotation of queries and keys, and of a state whose keys are rotated.
 *
 *   fla         columns i and i + K / 2 turn together, by base^(-2 i / K) a position (NeoX)
 *   torchscale  columns 2 i and 2 i + 1 do, by base^(-i / (K / 2 - 1))
 *
 * Products of rotated queries and keys do not depend on the order of columns: torchscale's are brought into that of fla.
 */
import { createPositions, type RotaryFrequencies, rotary, rotaryAngles, rotaryFrequencies } from '@mixerzoo/attention';
import { InvalidConfigError, tf } from '@mixerzoo/core';

export type RotationLayout = 'fla' | 'torchscale';

/** Rotations of heads of K columns. */
export interface Rotation {
  /** Columns of x [..., H K] in the order that the others take. */
  order<T extends tf.Tensor>(x: T): T;
  /** x [B, L, H K] rotated, row t to position t. */
  rotate(x: tf.Tensor3D): tf.Tensor3D;
  /** A state S^T [B, H, V, K] with its keys moved by so many positions. */
  move(state: tf.Tensor4D, by: number): tf.Tensor4D;
}

/** Leaves everything as it is. */
export const NO_ROTATION: Rotation = { order: (x) => x, rotate: (x) => x, move: (state) => state };

/** @throws InvalidConfigError if the heads have too few columns, or for torchscale an odd number. */
export function createRotation(headK: number, ropeBase: number, layout: RotationLayout): Rotation {
  const inPairs = layout === 'torchscale';
  const rotated = 2 * Math.floor(headK / 2);
  if (rotated === 0 || (inPairs && rotated < headK)) {
    const expected = inPairs ? "an even number of columns for layout 'torchscale'" : 'at least 2 columns to rotate';
    throw new InvalidConfigError(
      `headDim: expected ${expected}, got ${headK}. Change headDim or nHeads, or use positional 'none'.`,
    );
  }
  // Torchscale's frequencies are those of another base.
  const base = inPairs && headK > 2 ? ropeBase ** (headK / (headK - 2)) : ropeBase;
  const positions = createPositions({ positional: 'rope', ropeBase: base, rotaryFraction: 1 }, 1, headK);
  let frequencies: RotaryFrequencies | undefined;
  return {
    order: (x) =>
      inPairs
        ? x
            .reshape([-1, headK / 2, 2])
            .transpose([0, 2, 1])
            .reshape(x.shape as never)
        : x,
    rotate: (x) => positions.rotate(x),
    move(state, by) {
      if (by === 0) return state;
      const [batch, nHeads, headV] = state.shape;
      frequencies ??= rotaryFrequencies(rotated, base);
      const { cos, sin } = rotaryAngles(frequencies, by, 1);
      const tables = { cos: tf.tensor2d(cos, [1, rotated / 2]), sin: tf.tensor2d(sin, [1, rotated / 2]) };
      const rows = nHeads * headV;
      return rotary(state.reshape([batch, 1, rows * headK]), tables, rows).reshape(state.shape);
    },
  };
}
