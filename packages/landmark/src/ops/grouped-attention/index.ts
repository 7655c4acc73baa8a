/**
 * Grouped softmax (Mohtashami and Jaggi 2023), the form in which Landmark CAT is trained: one softmax over the causal tokens of
 * the query's own block and a landmark score per earlier block; a block's probability is spread over its tokens by the
 * softmax of their scores. Dense, O(L p) a query.
 */
import { defineOp, type OpDefinition, referenceGradient, tf } from '@mixerzoo/core';
import { MASKED, padToBlocks } from '../../heads.js';
import { groupedAttentionGradientKernel, groupedAttentionKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor; landmarks: tf.Tensor | undefined };
type Attrs = { blockSize: number; scale: number };
type Gradients = { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor; dLandmarks: tf.Tensor };

const definition: OpDefinition<Inputs, Attrs, { o: tf.Tensor }> = {
  name: 'GroupedAttention',
  inputs: ['q', 'k', 'v', 'landmarks'],
  outputs: ['o'],
  reference({ q, k, v, landmarks }, { blockSize, scale }) {
    const [rows, seqLen] = q.shape as [number, number, number];
    const keys = padToBlocks(k, blockSize);
    const values = padToBlocks(v, blockSize);
    const tokens = keys.shape[1] as number;
    const nBlocks = tokens / blockSize;
    const scores = tf.matMul(q, keys, false, true).mul(scale); // [G, L, M B]
    const own = scores.add(
      additiveMask(seqLen, tokens, (t, s) => s <= t && blockOf(s, blockSize) === blockOf(t, blockSize)),
    );
    if (!landmarks) return { o: tf.matMul(tf.softmax(own), values) };

    const blockScores = tf
      .matMul(q, landmarks, false, true)
      .mul(scale)
      .add(additiveMask(seqLen, nBlocks - 1, (t, m) => m < blockOf(t, blockSize)));
    const joint = tf.softmax(tf.concat([own, blockScores], 2));
    const [ownWeights, blockWeights] = tf.split(joint, [tokens, nBlocks - 1], 2) as [tf.Tensor, tf.Tensor];
    const within = tf.softmax(scores.reshape([rows, seqLen, nBlocks, blockSize]));
    const spread = tf
      .pad(blockWeights, [
        [0, 0],
        [0, 0],
        [0, 1],
      ])
      .expandDims(3)
      .tile([1, 1, 1, blockSize])
      .mul(within)
      .reshape([rows, seqLen, tokens]);
    return { o: tf.matMul(ownWeights.add(spread), values) };
  },
  kernels: { wasm: groupedAttentionKernel, webgpu: webgpu.groupedAttentionKernel },
};

const groupedAttentionGradient = defineOp<Inputs & { dO: tf.Tensor }, Attrs, Gradients>({
  name: 'GroupedAttentionGradient',
  inputs: ['q', 'k', 'v', 'landmarks', 'dO'],
  outputs: ['dq', 'dk', 'dv', 'dLandmarks'],
  reference({ dO, ...inputs }, attrs) {
    const { q, k, v, landmarks = tf.zeros([0, 0, 0]) } = referenceGradient(definition, inputs, { o: dO }, attrs);
    return { dq: q, dk: k, dv: v, dLandmarks: landmarks } as Gradients;
  },
  gradient: 'none',
  kernels: { wasm: groupedAttentionGradientKernel, webgpu: webgpu.groupedAttentionGradientKernel },
});

/** The op behind {@link groupedAttention}. */
export const groupedAttentionOp = defineOp<Inputs, Attrs, { o: tf.Tensor }>({
  ...definition,
  gradient({ inputs, grads, attrs }) {
    const { dq, dk, dv, dLandmarks } = groupedAttentionGradient({ ...inputs, dO: grads.o }, attrs);
    return { q: dq, k: dk, v: dv, landmarks: dLandmarks };
  },
});

/**
 * Grouped-softmax attention.
 *
 * @param q, k, v - [G, L, p], a row per sequence and head.
 * @param landmarks - [G, M, p], the filtered key at the last token of each block that another one follows; absent if
 *   there is one block.
 * @returns [G, L, p]
 */
export function groupedAttention(
  { q, k, v, landmarks }: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D; landmarks: tf.Tensor3D | undefined },
  options: { blockSize: number; scale: number },
): tf.Tensor3D {
  return groupedAttentionOp({ q, k, v, landmarks }, options).o as tf.Tensor3D;
}

/** The block a token is in. */
export function blockOf(token: number, blockSize: number): number {
  return Math.floor(token / blockSize);
}

/** 0 where `visible(row, column)`, {@link MASKED} elsewhere: [rows, columns]. */
export function additiveMask(
  rows: number,
  columns: number,
  visible: (row: number, column: number) => boolean,
): tf.Tensor2D {
  const values = Float32Array.from({ length: rows * columns }, (_, index) =>
    visible(Math.floor(index / columns), index % columns) ? 0 : MASKED,
  );
  return tf.tensor2d(values, [rows, columns]);
}
