/** Rows of a table by index, and the scatter-add that is their gradient. */
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp, type Op } from '../define-op.js';
import { gatherOnTensorflow, scatterAddOnTensorflow } from './tensorflow.js';
import { gatherKernel, type Inputs, scatterAddKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

type None = Record<string, never>;

/** The op behind {@link embedding} and {@link gatherRows}: indices of any shape. */
export const gatherRowsOp: Op<Inputs, None, { y: tf.Tensor }> = defineOp<Inputs, None, { y: tf.Tensor }>({
  name: 'GatherRows',
  inputs: ['table', 'indices'],
  integerInputs: ['indices'],
  outputs: ['y'],
  reference: ({ table, indices }) => ({
    y: tf.gather(table, indices.flatten() as tf.Tensor1D).reshape([...indices.shape, table.shape[1] as number]),
  }),
  gradient: ({ inputs: { table, indices }, grads }) => ({
    table: scatterAddRowsOp({ x: grads.y, indices }, { rows: table.shape[0] as number }).y,
  }),
  kernels: { tensorflow: gatherOnTensorflow, wasm: gatherKernel, webgpu: webgpu.gatherKernel },
});

/** The sum of rows by index: the gradient of {@link gatherRowsOp}. */
const scatterAddRowsOp = defineOp<{ x: tf.Tensor; indices: tf.Tensor }, { rows: number }, { y: tf.Tensor }>({
  name: 'ScatterAddRows',
  inputs: ['x', 'indices'],
  integerInputs: ['indices'],
  outputs: ['y'],
  reference: ({ x, indices }, { rows }) => ({
    y: tf.unsortedSegmentSum(x.reshape([indices.size, -1]), indices.flatten() as tf.Tensor1D, rows),
  }),
  gradient: ({ inputs, grads }) => ({ x: gatherRowsOp({ table: grads.y, indices: inputs.indices }, {}).y }),
  kernels: { tensorflow: scatterAddOnTensorflow, wasm: scatterAddKernel, webgpu: webgpu.scatterAddKernel },
});

/**
 * Looks up a row of the table for every id.
 *
 * @param table - [V, d]
 * @param ids - int32 [...], each in [0, V).
 * @returns [..., d]
 * @throws ShapeError, for an id outside too.
 */
export function embedding(table: tf.Tensor2D, ids: tf.Tensor): tf.Tensor {
  if (table.rank !== 2 || ids.dtype !== 'int32') {
    throw new ShapeError(
      `embedding: expected table [V, d] and int32 ids, got ${formatShape(table.shape)} and ${ids.dtype} ${formatShape(ids.shape)}.`,
    );
  }
  return gatherRowsOp({ table, indices: ids }, {}).y;
}

/**
 * Picks rows; the gradient adds up in the order of the indices, so it is deterministic.
 *
 * @param x - [n, d]
 * @param indices - int32 [m], each in [0, n).
 * @returns [m, d]
 * @throws ShapeError, for an index outside too.
 */
export function gatherRows(x: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D {
  if (x.rank !== 2 || indices.rank !== 1 || indices.dtype !== 'int32') {
    throw new ShapeError(
      `gatherRows: expected x [n, d] and int32 indices [m], got ${formatShape(x.shape)} and ${indices.dtype} ${formatShape(indices.shape)}.`,
    );
  }
  return gatherRowsOp({ table: x, indices }, {}).y as tf.Tensor2D;
}
