/**
 * Grouped softmax (Mohtashami and Jaggi 2023), the form in which Landmark CAT is trained: one softmax over the causal tokens of
 * the query's own block and a landmark score per earlier block; a block's probability is spread over its tokens by the
 * softmax of their scores. Dense, O(L p) a query; over chosen blocks alone O(K B p).
 */
import type { tf } from '@mixerzoo/core';
import { defineOp } from '@mixerzoo/core/kernels';
import { chosenAttentionReference, groupedAttentionReference } from './reference.js';
import type { Attrs, ChosenInputs, Inputs, Outputs } from './types.js';
import * as wasm from './wasm.js';
import * as webgpu from './webgpu.js';
import * as webgpuChosen from './webgpu-chosen.js';

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

/** The op behind {@link chosenAttention}. */
export const chosenAttentionOp = defineOp<ChosenInputs, Attrs, Outputs>({
  name: 'ChosenAttention',
  inputs: ['q', 'k', 'v', 'landmarks', 'chosen'],
  integerInputs: ['chosen'],
  outputs: ['o'],
  reference: chosenAttentionReference,
  kernels: { wasm: wasm.chosenAttention, webgpu: webgpuChosen.chosenAttention },
  gradient: { kernels: { wasm: wasm.chosenAttentionGradient, webgpu: webgpuChosen.chosenAttentionGradient } },
});

/**
 * {@link groupedAttention} where each query sees the landmarks of chosen blocks alone: the gradient passes through the shares
 * of those blocks, and the choice has none.
 *
 * @param inputs - `chosen`: int32 [G, L, K], different blocks before the query's own; -1 for none, after those there are.
 * @returns [G, L, p]
 */
export function chosenAttention(inputs: ChosenInputs, options: Attrs): tf.Tensor3D {
  return chosenAttentionOp(inputs, options).o;
}
