/**
 * Local attention, the second phase of Landmark CAT: softmax attention over the query's own block, causally, and the
 * retrieved units - whole blocks, or single tokens (paper, Eq. LCAT (2)). O(p (B + K U)) a query.
 */
import type { tf } from '@mixerzoo/core';
import { defineOp } from '@mixerzoo/core/kernels';
import { blockAttentionReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

/** The op behind {@link blockAttention}. */
export const blockAttentionOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'BlockAttention',
  inputs: ['q', 'k', 'v', 'retrieved'],
  integerInputs: ['retrieved'],
  outputs: ['o'],
  reference: blockAttentionReference,
  kernels: { wasm: wasm.blockAttention, webgpu: webgpu.blockAttention },
  gradient: { kernels: { wasm: wasm.blockAttentionGradient, webgpu: webgpu.blockAttentionGradient } },
});

/**
 * Softmax attention over the query's block up to the query, and what was retrieved for it.
 *
 * @param q, k, v - [G, L, p], a row per sequence and head.
 * @param retrieved - int32 [G, L, K]: block indices (`unit` = blockSize) or token positions (`unit` = 1), -1 for none;
 *   absent if nothing was retrieved.
 * @returns [G, L, p]
 */
export function blockAttention(inputs: Inputs, options: Attrs): tf.Tensor3D {
  return blockAttentionOp(inputs, options).o;
}
