/**
 * Local attention, the second phase of Landmark CAT: softmax attention over the query's own block, causally, and the
 * retrieved units - whole blocks, or single tokens (paper, Eq. LCAT (2)). O(p (B + K U)) a query.
 */
import { defineOp, type OpDefinition, referenceGradient, tf } from '@mixerzoo/core';
import { MASKED, padToBlocks } from '../../heads.js';
import { gatherUnits } from '../select-blocks/index.js';
import { blockAttentionGradientKernel, blockAttentionKernel } from './wasm.js';
import * as webgpu from './webgpu.js';

type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor; retrieved: tf.Tensor | undefined };
type Attrs = { blockSize: number; unit: number; scale: number };

const definition: OpDefinition<Inputs, Attrs, { o: tf.Tensor }> = {
  name: 'BlockAttention',
  inputs: ['q', 'k', 'v', 'retrieved'],
  integerInputs: ['retrieved'],
  outputs: ['o'],
  reference({ q, k, v, retrieved }, { blockSize, unit, scale }) {
    const [rows, seqLen, headDim] = q.shape as [number, number, number];
    const padded = Math.ceil(seqLen / blockSize) * blockSize;
    const nBlocks = padded / blockSize;
    const [qs, ks, vs] = [q, k, v].map((x) => padToBlocks(x, blockSize)) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const inBlocks = (x: tf.Tensor) => x.reshape([rows * nBlocks, blockSize, headDim]);

    const localScores = tf
      .matMul(inBlocks(qs), inBlocks(ks), false, true)
      .mul(scale)
      .add(causalMask(blockSize))
      .reshape<tf.Tensor2D>([rows * padded, blockSize]);
    if (!retrieved) {
      const o = tf.matMul(tf.softmax(localScores).reshape([rows * nBlocks, blockSize, blockSize]), inBlocks(vs));
      return { o: o.reshape([rows, padded, headDim]).slice([0, 0, 0], [rows, seqLen, headDim]) };
    }

    const index = padToBlocks(retrieved, blockSize, -1) as tf.Tensor3D;
    const seen = index.shape[2] * unit;
    const units = (x: tf.Tensor) => x.reshape<tf.Tensor3D>([rows, padded / unit, unit * headDim]);
    const chosen = (x: tf.Tensor) => gatherUnits(units(x), index).reshape<tf.Tensor3D>([rows * padded, seen, headDim]);
    const absent = tf
      .less(index, 0)
      .toFloat()
      .mul(MASKED)
      .reshape([rows * padded, index.shape[2], 1])
      .tile([1, 1, unit])
      .reshape([rows * padded, seen]);
    const farScores = tf
      .matMul(qs.reshape([rows * padded, 1, headDim]), chosen(ks), false, true)
      .reshape([rows * padded, seen])
      .mul(scale)
      .add(absent) as tf.Tensor2D;

    const weights = tf.softmax(tf.concat([localScores, farScores], 1));
    const [local, far] = tf.split(weights, [blockSize, seen], 1) as [tf.Tensor, tf.Tensor];
    const o = tf.add(
      tf.matMul(local.reshape([rows * nBlocks, blockSize, blockSize]), inBlocks(vs)).reshape([rows, padded, headDim]),
      tf.matMul(far.reshape([rows * padded, 1, seen]), chosen(vs)).reshape([rows, padded, headDim]),
    );
    return { o: o.slice([0, 0, 0], [rows, seqLen, headDim]) };
  },
  kernels: { wasm: blockAttentionKernel, webgpu: webgpu.blockAttentionKernel },
};

const blockAttentionGradient = defineOp<
  Inputs & { dO: tf.Tensor },
  Attrs,
  { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor }
>({
  name: 'BlockAttentionGradient',
  inputs: ['q', 'k', 'v', 'retrieved', 'dO'],
  integerInputs: ['retrieved'],
  outputs: ['dq', 'dk', 'dv'],
  reference({ dO, ...inputs }, attrs) {
    const { q, k, v } = referenceGradient(definition, inputs, { o: dO }, attrs);
    return { dq: q, dk: k, dv: v } as { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor };
  },
  gradient: 'none',
  kernels: { wasm: blockAttentionGradientKernel, webgpu: webgpu.blockAttentionGradientKernel },
});

/** The op behind {@link blockAttention}. */
export const blockAttentionOp = defineOp<Inputs, Attrs, { o: tf.Tensor }>({
  ...definition,
  gradient({ inputs, grads, attrs }) {
    const { dq, dk, dv } = blockAttentionGradient({ ...inputs, dO: grads.o }, attrs);
    return { q: dq, k: dk, v: dv };
  },
});

/**
 * Softmax attention over the query's block up to the query, and what was retrieved for it.
 *
 * @param q, k, v - [G, L, p], a row per sequence and head.
 * @param retrieved - int32 [G, L, K]: block indices (`unit` = blockSize) or token positions (`unit` = 1), -1 for none;
 *   absent if nothing was retrieved.
 * @returns [G, L, p]
 */
export function blockAttention(
  { q, k, v, retrieved }: { q: tf.Tensor3D; k: tf.Tensor3D; v: tf.Tensor3D; retrieved: tf.Tensor3D | undefined },
  options: { blockSize: number; unit: number; scale: number },
): tf.Tensor3D {
  return blockAttentionOp({ q, k, v, retrieved }, options).o as tf.Tensor3D;
}

/** 0 on and below the diagonal, {@link MASKED} above: [n, n]. */
function causalMask(n: number): tf.Tensor2D {
  return tf.tensor2d(
    Float32Array.from({ length: n * n }, (_, index) => (index % n <= Math.floor(index / n) ? 0 : MASKED)),
    [n, n],
  );
}
