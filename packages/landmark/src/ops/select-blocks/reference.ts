/** Hard retrieval in plain `tf` ops. */
import { tf } from '@mixerzoo/core';
import { gatherRows } from '@mixerzoo/core/blocks';
import { MASKED } from '../../heads.js';
import type { DescendAttrs, DescendInputs, DescendOutputs, SelectAttrs, SelectInputs, SelectOutputs } from './types.js';

export function selectReference(
  { q, landmarks }: SelectInputs,
  { blockSize, topK, offset }: SelectAttrs,
): SelectOutputs {
  const nBlocks = landmarks.shape[1];
  const seqLen = q.shape[1];
  const visible = Int32Array.from({ length: seqLen }, (_, t) => Math.floor((offset + t) / blockSize));
  const hidden = Float32Array.from({ length: seqLen * nBlocks }, (_, index) =>
    index % nBlocks < (visible[Math.floor(index / nBlocks)] as number) ? 0 : MASKED,
  );
  const scores = tf.matMul(q, landmarks, false, true).add(tf.tensor2d(hidden, [seqLen, nBlocks]));
  const { indices } = tf.topk(scores, topK, true);
  // Where fewer blocks are visible than asked for, the last choices are masked ones: call them -1.
  const isVisible = tf.less(indices, tf.tensor3d(visible, [1, seqLen, 1], 'int32')).toInt();
  return { blocks: indices.add(1).mul(isVisible).sub<tf.Tensor3D>(1).toInt() };
}

export function descendReference({ q, nodes, blocks }: DescendInputs, { blockSize }: DescendAttrs): DescendOutputs {
  const [rows, seqLen, count] = blocks.shape;
  const nodesPerBlock = 2 * blockSize - 2;
  const queries = q.reshape([rows * seqLen, 1, q.shape[2]]);
  const first = tf.maximum(blocks, 0).mul(nodesPerBlock).toInt(); // [G, L, K], the block's first node
  let node: tf.Tensor = tf.zerosLike(first);
  for (let width = 2; width <= blockSize; width *= 2) {
    // The level of `width` nodes starts after the levels above it, which hold width - 2.
    const left = first
      .add(node.mul(2))
      .add(width - 2)
      .toInt();
    const pair = tf.stack([left, left.add(1).toInt()], 3).reshape<tf.Tensor3D>([rows, seqLen, 2 * count]);
    const scores = tf.matMul(queries, gatherUnits(nodes, pair), false, true).reshape([rows, seqLen, count, 2]);
    const [scoreLeft, scoreRight] = tf.unstack(scores, 3) as [tf.Tensor, tf.Tensor];
    node = node.mul(2).add(tf.greater(scoreRight, scoreLeft).toInt()).toInt();
  }
  const found = tf.maximum(blocks, 0).mul(blockSize).add(node).add(1);
  return { tokens: found.mul(tf.greaterEqual(blocks, 0).toInt()).sub<tf.Tensor3D>(1).toInt() };
}

/**
 * Rows chosen per query.
 *
 * @param units - [G, U, w]
 * @param index - int32 [G, L, K] into U; a negative one reads unit 0.
 * @returns [G L, K, w]
 */
export function gatherUnits(units: tf.Tensor3D, index: tf.Tensor3D): tf.Tensor3D {
  const [rows, unitsPerRow, width] = units.shape;
  const [, seqLen, count] = index.shape;
  const starts = tf.tensor3d(
    Int32Array.from({ length: rows }, (_, row) => row * unitsPerRow),
    [rows, 1, 1],
    'int32',
  );
  const flat = tf.maximum(index, 0).add(starts).toInt().flatten();
  return gatherRows(units.reshape<tf.Tensor2D>([rows * unitsPerRow, width]), flat).reshape([
    rows * seqLen,
    count,
    width,
  ]);
}
