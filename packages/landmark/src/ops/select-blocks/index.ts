/**
 * Hard retrieval, the first phase of Landmark CAT: `b = argmax_j K_ss,j . q_i` over the blocks before the query's own
 * (paper, Eq. LCAT (1)), and its hierarchical continuation inside a block. Both choose: their gradient is zero.
 */
import { tf } from '@mixerzoo/core';
import { defineOp } from '@mixerzoo/core/kernels';
import { descendReference, selectReference } from './reference.js';
import type { DescendAttrs, DescendInputs, DescendOutputs, SelectAttrs, SelectInputs, SelectOutputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

export { gatherUnits } from './reference.js';

const selectBlocksOp = defineOp<SelectInputs, SelectAttrs, SelectOutputs>({
  name: 'SelectBlocks',
  inputs: ['q', 'landmarks'],
  outputs: ['blocks'],
  reference: selectReference,
  kernels: { wasm: wasm.selectBlocks, webgpu: webgpu.selectBlocks },
  gradient: ({ q, landmarks }) => ({ q: tf.zerosLike(q), landmarks: tf.zerosLike(landmarks) }),
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
  return selectBlocksOp({ q, landmarks }, { blockSize, topK: Math.min(topK, landmarks.shape[1]), offset }).blocks;
}

const descendBlocksOp = defineOp<DescendInputs, DescendAttrs, DescendOutputs>({
  name: 'DescendBlocks',
  inputs: ['q', 'nodes', 'blocks'],
  integerInputs: ['blocks'],
  outputs: ['tokens'],
  reference: descendReference,
  kernels: { webgpu: webgpu.descendBlocks },
  gradient: ({ q, nodes }) => ({ q: tf.zerosLike(q), nodes: tf.zerosLike(nodes), blocks: null }),
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
  return descendBlocksOp({ q, nodes, blocks }, { blockSize }).tokens;
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
  const levels: tf.Tensor4D[] = [];
  for (let width = 2; width <= blockSize; width *= 2) {
    levels.push(keys.reshape([rows, nBlocks, width, blockSize / width, headDim]).sum(3));
  }
  return tf.concat(levels, 2);
}
