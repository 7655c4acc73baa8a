/**
 * A row of every sequence replaced. Where the engine can, and no other tensor holds the memory, it is written in place: what
 * a cache of keys and values with room for more grows by. A clone is another holder, so a state that was cloned is copied once.
 */
import { isWasmEngineOpen } from '../../engines/wasm/kernel.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp } from '../define-op.js';
import { setRowReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';

/** The op behind {@link setRow}. */
export const setRowOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'SetRow',
  inputs: ['x', 'row'],
  outputs: ['y'],
  reference: setRowReference,
  kernels: { wasm: wasm.setRow },
  gradient: ({ row, dY }, { at }) => ({
    x: setRowReference({ x: dY, row: tf.zerosLike(row) }, { at }).y,
    row: tf.slice(dY, [0, at, 0], [-1, 1, -1]).squeeze<tf.Tensor2D>([1]),
  }),
});

/**
 * `x` with row `at` replaced. Consumes x.
 *
 * @param x - [B, C, w]
 * @param row - [B, w]
 * @returns [B, C, w]
 * @throws ShapeError
 */
export function setRow(x: tf.Tensor3D, row: tf.Tensor2D, at: number): tf.Tensor3D {
  const [batch, rows, width] = x.shape;
  const fits = row.rank === 2 && row.shape[0] === batch && row.shape[1] === width;
  if (!fits || !Number.isInteger(at) || at < 0 || at >= rows) {
    throw new ShapeError(
      `setRow: expected x [B, C, w], row [B, w] and a row below C, got ${formatShape(x.shape)}, ${formatShape(row.shape)} and row ${at}.`,
    );
  }
  const { y } = setRowOp({ x, row }, { at });
  x.dispose();
  return y;
}

/** Whether {@link setRow} writes in place on the engine in use: room for rows to come pays there alone. */
export function setsRowsInPlace(): boolean {
  return isWasmEngineOpen();
}
