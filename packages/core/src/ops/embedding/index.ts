/** Rows of a table by index, and the scatter-add that is their gradient. */
import { ShapeError } from '../../errors.js';
import type * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { defineOp, type Op } from '../define-op.js';
import { gatherReference, scatterAddReference } from './reference.js';
import * as tensorflow from './tensorflow.js';
import type { GatherAttrs, GatherInputs, Outputs, ScatterAttrs, ScatterInputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link embedding} and {@link gatherRows}: indices of any shape. */
export const gatherRowsOp: Op<GatherInputs, GatherAttrs, Outputs> = defineOp<GatherInputs, GatherAttrs, Outputs>({
  name: 'GatherRows',
  inputs: ['table', 'indices'],
  integerInputs: ['indices'],
  outputs: ['y'],
  reference: gatherReference,
  kernels: { tensorflow: tensorflow.gather, wasm: wasm.gather, webgpu: webgpu.gather },
  gradient: ({ table, indices, dY }) => ({
    table: scatterAddRowsOp({ x: dY, indices }, { rows: table.shape[0] as number }).y,
    indices: null,
  }),
});

/** The sum of rows by index: the gradient of {@link gatherRowsOp}. */
const scatterAddRowsOp = defineOp<ScatterInputs, ScatterAttrs, Outputs>({
  name: 'ScatterAddRows',
  inputs: ['x', 'indices'],
  integerInputs: ['indices'],
  outputs: ['y'],
  reference: scatterAddReference,
  kernels: { tensorflow: tensorflow.scatterAdd, wasm: wasm.scatterAdd, webgpu: webgpu.scatterAdd },
  gradient: ({ indices, dY }) => ({ x: gatherRowsOp({ table: dY, indices }, {}).y, indices: null }),
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
