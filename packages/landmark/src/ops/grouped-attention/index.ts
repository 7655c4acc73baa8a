/**
 * Grouped softmax (Mohtashami and Jaggi 2023), the form in which Landmark CAT is trained: one softmax over the causal tokens of
 * the query's own block and a landmark score per earlier block; a block's probability is spread over its tokens by the
 * softmax of their scores. Dense, O(L p) a query.
 */
import type { tf } from '@mixerzoo/core';
import { defineOp } from '@mixerzoo/core/kernels';
import { groupedAttentionReference } from './reference.js';
import type { Attrs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';

export { additiveMask, blockOf } from './reference.js';

/** The op behind {@link groupedAttention}. */
export const groupedAttentionOp = defineOp<Inputs, Attrs, Outputs>({
  name: 'GroupedAttention',
  inputs: ['q', 'k', 'v', 'landmarks'],
  outputs: ['o'],
  reference: groupedAttentionReference,
  kernels: { wasm: wasm.groupedAttention, webgpu: webgpu.groupedAttention },
  gradient: { kernels: { wasm: wasm.groupedAttentionGradient, webgpu: webgpu.groupedAttentionGradient } },
});

/**
 * Grouped-softmax attention.
 *
 * @param q, k, v - [G, L, p], a row per sequence and head.
 * @param landmarks - [G, M, p], the filtered key at the last token of each block that another one follows; absent if
 *   there is one block.
 * @returns [G, L, p]
 */
export function groupedAttention(inputs: Inputs, options: Attrs): tf.Tensor3D {
  return groupedAttentionOp(inputs, options).o;
}
