/** Rows of a table by index, and the scatter-add that is their gradient. */
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp } from '../define-op.js';

type Inputs = { table: tf.Tensor; indices: tf.Tensor };

/** The op behind {@link embedding} and {@link gatherRows}: indices of any shape. */
export const gatherRowsOp = defineOp<Inputs, Record<string, never>, { y: tf.Tensor }>({
  name: 'GatherRows',
  inputs: ['table', 'indices'],
  outputs: ['y'],
  reference: ({ table, indices }) => ({
    y: tf.gather(table, indices.flatten() as tf.Tensor1D).reshape([...indices.shape, table.shape[1] as number]),
  }),
});

/**
 * Looks up a row of the table for every id.
 *
 * @param table - [V, d]
 * @param ids - int32 [...], each in [0, V).
 * @returns [..., d]
 * @throws ShapeError
 */
export function embedding(table: tf.Tensor2D, ids: tf.Tensor): tf.Tensor {
  if (table.rank !== 2 || ids.dtype !== 'int32') {
    throw new ShapeError(`embedding: expected table [V, d] and int32 ids, got ${formatShape(table.shape)} and ${ids.dtype} ${formatShape(ids.shape)}.`);
  }
  return gatherRowsOp({ table, indices: ids }, {}).y;
}

/**
 * Picks rows; the gradient adds up in the order of the indices, so it is deterministic.
 *
 * @param x - [n, d]
 * @param indices - int32 [m], each in [0, n).
 * @returns [m, d]
 * @throws ShapeError
 */
export function gatherRows(x: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D {
  if (x.rank !== 2 || indices.rank !== 1 || indices.dtype !== 'int32') {
    throw new ShapeError(`gatherRows: expected x [n, d] and int32 indices [m], got ${formatShape(x.shape)} and ${indices.dtype} ${formatShape(indices.shape)}.`);
  }
  return gatherRowsOp({ table: x, indices }, {}).y as tf.Tensor2D;
}
