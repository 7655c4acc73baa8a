/**
 * Hard retrieval, the first phase of Landmark CAT: `b = argmax_j K_ss,j . q_i` over the blocks before the query's own
 * (paper, Eq. LCAT (1)), and its hierarchical continuation inside a block. Both choose; neither has a gradient.
 */
import { defineOp, gatherRows, tf } from '@mixerzoo/core';
import { MASKED } from '../../heads.js';
import {
  type DescendInputs,
  descendBlocksKernel,
  type SelectAttrs,
  type SelectInputs,
  selectBlocksKernel,
} from './webgpu.js';

const selectBlocksOp = defineOp<SelectInputs, SelectAttrs, { blocks: tf.Tensor }>({
  name: 'SelectBlocks',
  inputs: ['q', 'landmarks'],
  outputs: ['blocks'],
  reference({ q, landmarks }, { blockSize, topK, offset }) {
    const nBlocks = landmarks.shape[1] as number;
    const seqLen = q.shape[1] as number;
    const visible = Int32Array.from({ length: seqLen }, (_, t) => Math.floor((offset + t) / blockSize));
    const hidden = Float32Array.from({ length: seqLen * nBlocks }, (_, index) =>
      index % nBlocks < (visible[Math.floor(index / nBlocks)] as number) ? 0 : MASKED,
    );
    const scores = tf.matMul(q, landmarks, false, true).add(tf.tensor2d(hidden, [seqLen, nBlocks]));
    const { indices } = tf.topk(scores, topK, true);
    // Where fewer blocks are visible than asked for, the last choices are masked ones: call them -1.
    const isVisible = tf.less(indices, tf.tensor3d(visible, [1, seqLen, 1], 'int32')).toInt();
    return { blocks: indices.add(1).mul(isVisible).sub(1).toInt() };
  },
  gradient: () => ({}),
  kernels: { webgpu: selectBlocksKernel },
});

/**
 * The `topK` best-scoring blocks of each query among those that ended before the query's own block.
 *
 * @param q - [G, L, p], a row per sequence and head.
 * @param landmarks - [G, M, p], the filtered key at the last token of each block.
 * @param offset - position of the first query.
 * @returns int32 [G, L, min(topK, M)], best first, -1 where there is no such block.
 */
export function selectBlocks(
  q: tf.Tensor3D,
  landmarks: tf.Tensor3D,
  options: { blockSize: number; topK: number; offset?: number },
): tf.Tensor3D {
  const { blockSize, topK, offset = 0 } = options;
  return selectBlocksOp({ q, landmarks }, { blockSize, topK: Math.min(topK, landmarks.shape[1]), offset })
    .blocks as tf.Tensor3D;
}

const descendBlocksOp = defineOp<DescendInputs, { blockSize: number }, { tokens: tf.Tensor }>({
  name: 'DescendBlocks',
  inputs: ['q', 'nodes', 'blocks'],
  integerInputs: ['blocks'],
  outputs: ['tokens'],
  reference({ q, nodes, blocks }, { blockSize }) {
    const [rows, seqLen, count] = blocks.shape as [number, number, number];
    const nodesPerBlock = 2 * blockSize - 2;
    const queries = q.reshape([rows * seqLen, 1, q.shape[2] as number]);
    const first = tf.maximum(blocks, 0).mul(nodesPerBlock).toInt(); // [G, L, K], the block's first node
    let node = tf.zerosLike(first) as tf.Tensor;
    for (let width = 2; width <= blockSize; width *= 2) {
      // The level of `width` nodes starts after the levels above it, which hold width - 2.
      const left = first
        .add(node.mul(2))
        .add(width - 2)
        .toInt();
      const pair = tf.stack([left, left.add(1).toInt()], 3).reshape<tf.Tensor3D>([rows, seqLen, 2 * count]);
      const scores = tf
        .matMul(queries, gatherUnits(nodes as tf.Tensor3D, pair), false, true)
        .reshape([rows, seqLen, count, 2]);
      const [scoreLeft, scoreRight] = tf.unstack(scores, 3) as [tf.Tensor, tf.Tensor];
      node = node.mul(2).add(tf.greater(scoreRight, scoreLeft).toInt()).toInt();
    }
    const found = tf.maximum(blocks, 0).mul(blockSize).add(node).add(1);
    return { tokens: found.mul(tf.greaterEqual(blocks, 0).toInt()).sub(1).toInt() };
  },
  gradient: () => ({}),
  kernels: { webgpu: descendBlocksKernel },
});

/**
 * Hierarchical search inside blocks: from a block down to one token, at each level to the half whose summed key scores
 * higher (paper, Sec. 5: d (L / B + log B) a query).
 *
 * @param q - [G, L, p]
 * @param nodes - [G, M (2 B - 2), p] from {@link blockTree}.
 * @param blocks - int32 [G, L, K] from {@link selectBlocks}.
 * @returns int32 [G, L, K], token positions, -1 where there is no block.
 */
export function descendBlocks(q: tf.Tensor3D, nodes: tf.Tensor3D, blocks: tf.Tensor3D, blockSize: number): tf.Tensor3D {
  return descendBlocksOp({ q, nodes, blocks }, { blockSize }).tokens as tf.Tensor3D;
}

/**
 * Sums of keys over the halves, quarters, ... and single tokens of each block.
 *
 * @param keys - [G, M B, p]; B a power of two.
 * @returns [G, M, 2 B - 2, p], level by level; the last B rows are the keys themselves.
 */
export function blockTree(keys: tf.Tensor3D, blockSize: number): tf.Tensor4D {
  const [rows, tokens, headDim] = keys.shape;
  const nBlocks = tokens / blockSize;
  const levels: tf.Tensor[] = [];
  for (let width = 2; width <= blockSize; width *= 2) {
    levels.push(keys.reshape([rows, nBlocks, width, blockSize / width, headDim]).sum(3));
  }
  return tf.concat(levels, 2) as tf.Tensor4D;
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
  const flat = tf.maximum(index, 0).add(starts).toInt().flatten() as tf.Tensor1D;
  return gatherRows(units.reshape<tf.Tensor2D>([rows * unitsPerRow, width]), flat).reshape([
    rows * seqLen,
    count,
    width,
  ]);
}
